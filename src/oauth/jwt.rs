//! A signed JWT in its compact form (RFC 7515, section 7.1; RFC 8725).
//!
//! Invariant: nothing of its claims is read before its signature is found good, by an algorithm of asymmetric keys that its
//! key is for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;

/// What a signature is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    /// `none`, and what a public key could be taken for a secret by, is not among them.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" | "Ed25519" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, uncompressed.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::Rsa { .. } => Algorithm::Rs256,
            PublicKey::P256(_) => Algorithm::Es256,
            PublicKey::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            PublicKey::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            PublicKey::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            PublicKey::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
        };
        verified.is_ok()
    }
}

/// The header, as far as it is heeded.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
}

#[derive(Deserialize)]
struct WireHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// A token whose signature has not been looked at.
#[derive(Debug)]
pub(super) struct Unverified<'t> {
    pub(super) header: Header,
    /// What is signed.
    signed: &'t [u8],
    claims: &'t str,
    signature: Vec<u8>,
}

const MALFORMED: &str = "is malformed";

impl<'t> Unverified<'t> {
    pub(super) fn read(text: &'t str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("is too long");
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
        let header: WireHeader = serde_json::from_slice(&decoded(header)?).map_err(|_| MALFORMED)?;
        if header.crit.is_some() {
            return Err("asks for what is not known here");
        }
        let is_access_token = |typ: &String| {
            let typ = typ.to_ascii_lowercase();
            matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
        };
        if !header.typ.as_ref().is_none_or(is_access_token) {
            return Err("is a token of another kind");
        }
        Ok(Unverified {
            header: Header {
                algorithm: Algorithm::named(&header.alg).ok_or("is signed in a way that is not taken")?,
                kid: header.kid,
            },
            signed: signed.as_bytes(),
            claims,
            signature: decoded(signature)?,
        })
    }

    /// Its claims, where `key` has signed them.
    pub(super) fn verify(&self, key: &PublicKey) -> Result<Map<String, Value>, &'static str> {
        if key.algorithm() != self.header.algorithm || !key.has_signed(self.signed, &self.signature) {
            return Err("has a wrong signature");
        }
        serde_json::from_slice(&decoded(self.claims)?).map_err(|_| MALFORMED)
    }
}

pub(super) fn decoded(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| MALFORMED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
    use serde_json::json;

    fn encoded(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn token(header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let signed = format!("{}.{}", encoded(header), encoded(&json!({"sub": "ada"})));
        let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn edwards() -> (Ed25519KeyPair, PublicKey) {
        let random = SystemRandom::new();
        let pair = Ed25519KeyPair::generate_pkcs8(&random).expect("made");
        let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).expect("read");
        let public = PublicKey::Ed25519(pair.public_key().as_ref().to_vec());
        (pair, public)
    }

    #[test]
    fn claims_are_read_where_the_key_has_signed_them() {
        let (pair, public) = edwards();
        let signed = token(&json!({"alg": "EdDSA"}), |message| pair.sign(message).as_ref().to_vec());
        let claims = Unverified::read(&signed)
            .expect("read")
            .verify(&public)
            .expect("signed");
        assert_eq!(claims["sub"], "ada");
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("made");
        let curve = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).expect("read");
        let point = PublicKey::P256(curve.public_key().as_ref().to_vec());
        let sign = |message: &[u8]| curve.sign(&random, message).expect("signed").as_ref().to_vec();
        let signed = token(&json!({"alg": "ES256", "typ": "at+jwt"}), sign);
        assert!(Unverified::read(&signed).expect("read").verify(&point).is_ok());
        // Another key's, another algorithm's, and none.
        assert!(Unverified::read(&signed).expect("read").verify(&public).is_err());
        let mixed = token(&json!({"alg": "EdDSA"}), sign);
        assert!(Unverified::read(&mixed).expect("read").verify(&point).is_err());
        let bare = token(&json!({"alg": "EdDSA"}), |_| vec![]);
        assert!(Unverified::read(&bare).expect("read").verify(&public).is_err());
    }

    #[test]
    fn only_signatures_of_asymmetric_keys_are_looked_at() {
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({"alg": "RS512"}),
            json!({"alg": "rs256"}),
            json!({"alg": "EdDSA", "crit": ["exp"]}),
            json!({"alg": "EdDSA", "typ": "dpop+jwt"}),
            json!({"alg": "EdDSA", "kid": 7}),
            json!({}),
            json!("EdDSA"),
        ] {
            let signed = token(&header, |_| vec![0; 64]);
            assert!(Unverified::read(&signed).is_err(), "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "ey[A-Za-z0-9_=-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}") {
            let _ = Unverified::read(&text);
        }

        #[test]
        fn a_token_that_was_changed_anywhere_is_not_believed(at in 0..500_usize, to in "[A-Za-z0-9_.-]") {
            let (pair, public) = edwards();
            let signed = token(&json!({"alg": "EdDSA"}), |message| pair.sign(message).as_ref().to_vec());
            let at = at % signed.len();
            let mut changed = signed.clone();
            changed.replace_range(at..=at, &to);
            let believed = Unverified::read(&changed).and_then(|read| read.verify(&public));
            prop_assert!(changed == signed || believed.is_err());
        }
    }
}
