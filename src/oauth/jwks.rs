//! An issuer's public keys (RFC 7517).
//!
//! Invariant: what is no key for signatures that are taken here is passed over; a set is bounded.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::jwt::{Algorithm, Header, PublicKey, decoded};

/// The most keys of a set that are looked at.
const MOST: usize = 64;

/// A set of keys.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<Named>);

#[derive(Debug)]
struct Named {
    kid: Option<String>,
    key: Arc<PublicKey>,
}

#[derive(Deserialize)]
struct WireSet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct WireKey {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a document; `None` where it is no set.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let set: WireSet = serde_json::from_slice(document).ok()?;
        let named = |key: Value| named(serde_json::from_value(key).ok()?);
        Some(KeySet(set.keys.into_iter().take(MOST).filter_map(named).collect()))
    }

    /// The key that a header names; where it names none, the only one that signs so.
    pub(super) fn find(&self, header: &Header) -> Result<Arc<PublicKey>, &'static str> {
        let fits = |named: &&Named| {
            let is_named = header.kid.is_none() || header.kid == named.kid;
            is_named && named.key.algorithm() == header.algorithm
        };
        let mut found = self.0.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.key.clone()),
            (Some(_), Some(_)) => Err("does not say which key has signed it"),
            (None, _) => Err("is signed by a key that the issuer does not show"),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn named(wire: WireKey) -> Option<Named> {
    let part = |part: &Option<String>| decoded(part.as_deref()?).ok();
    let key = match (&*wire.kty, wire.crv.as_deref()) {
        ("RSA", _) => PublicKey::Rsa {
            n: part(&wire.n)?,
            e: part(&wire.e)?,
        },
        ("EC", Some("P-256")) => {
            let (x, y) = (part(&wire.x)?, part(&wire.y)?);
            PublicKey::P256([&[4], &*x, &*y].concat())
        }
        ("OKP", Some("Ed25519")) => PublicKey::Ed25519(part(&wire.x)?),
        _ => return None,
    };
    let signs = wire.r#use.is_none_or(|r#use| r#use == "sig");
    let is_for = wire
        .alg
        .is_none_or(|alg| Algorithm::named(&alg) == Some(key.algorithm()));
    (signs && is_for).then(|| Named {
        kid: wire.kid,
        key: Arc::new(key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn header(kid: Option<&str>, algorithm: Algorithm) -> Header {
        Header {
            algorithm,
            kid: kid.map(str::to_owned),
        }
    }

    #[test]
    fn keys_that_are_taken_are_found_by_their_name_and_kind() {
        let document = json!({"keys": [
            {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB", "use": "sig", "alg": "RS256"},
            {"kty": "RSA", "kid": "enc", "n": "AQAB", "e": "AQAB", "use": "enc"},
            {"kty": "RSA", "kid": "other", "n": "AQAB", "e": "AQAB", "alg": "RS512"},
            {"kty": "oct", "kid": "secret", "k": "AQAB"},
            {"kty": "EC", "crv": "P-256", "kid": "e", "x": "AQ", "y": "Ag"},
            {"kty": "EC", "crv": "P-384", "kid": "e3", "x": "AQ", "y": "Ag"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "o1", "x": "AQ"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "o2", "x": "Ag"},
            7,
        ]});
        let set = KeySet::read(document.to_string().as_bytes()).expect("a set");
        assert_eq!(set.len(), 4);
        let found = |kid, algorithm| set.find(&header(kid, algorithm)).map(|key| (*key).clone());
        assert_eq!(found(Some("e"), Algorithm::Es256), Ok(PublicKey::P256(vec![4, 1, 2])));
        assert_eq!(found(None, Algorithm::Es256), Ok(PublicKey::P256(vec![4, 1, 2])));
        assert!(found(Some("e"), Algorithm::Rs256).is_err(), "it is no such key");
        assert!(found(None, Algorithm::EdDsa).is_err(), "there are two");
        for kid in ["enc", "other", "secret", "e3"] {
            assert!(found(Some(kid), Algorithm::Rs256).is_err(), "{kid}");
        }
        assert!(KeySet::read(b"{}").is_none() && KeySet::read(b"[]").is_none());
    }
}
