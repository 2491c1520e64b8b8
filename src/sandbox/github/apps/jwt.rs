//! The app's signed word: a JSON web token by RS256.
//!
//! Invariant: only what the app's own key signed, for now and for ten minutes at most, is believed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use jiff::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::super::problem::Problem;
use super::{APP_ID, CLIENT_ID};

const PUBLIC_KEY: &str = include_str!("app-public.pem");

/// How long a word may hold.
const MAX_LIFE_S: i64 = 600;
/// How far clocks may differ.
const SKEW_S: i64 = 60;

/// Whether this has the form of such a word.
pub(crate) fn is_one(token: &str) -> bool {
    token.split('.').count() == 3 && token.starts_with("ey")
}

/// Believes a word, or says why not.
pub(crate) fn check(token: &str, now: Timestamp) -> Result<(), Problem> {
    let refuse = |message| Problem::new(StatusCode::UNAUTHORIZED, message);
    let claims = verified(token).ok_or_else(|| refuse("A JSON web token could not be decoded"))?;
    let now = now.as_second();
    let issued = claims["iat"].as_i64().filter(|issued| *issued <= now + SKEW_S);
    issued.ok_or_else(|| {
        refuse("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
    })?;
    let expires = claims["exp"].as_i64().filter(|expires| *expires > now - SKEW_S);
    let expires = expires.ok_or_else(|| {
        refuse(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion \
             expires",
        )
    })?;
    if expires > now + MAX_LIFE_S + SKEW_S {
        return Err(refuse("'Expiration time' claim ('exp') is too far in the future"));
    }
    let issuer = &claims["iss"];
    let ours = issuer.as_u64() == Some(APP_ID)
        || issuer.as_str() == Some(CLIENT_ID)
        || issuer.as_str() == Some(APP_ID.to_string().as_str());
    match ours {
        true => Ok(()),
        false => Err(Problem::new(StatusCode::NOT_FOUND, "Integration not found")),
    }
}

/// The claims, where the app's key has signed them.
fn verified(token: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let read = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    if read(head)?["alg"] != "RS256" {
        return None;
    }
    let lines = PUBLIC_KEY.lines().filter(|line| !line.starts_with("-----"));
    let key = STANDARD.decode(lines.collect::<String>()).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    key.verify(signed.as_bytes(), &signature).ok()?;
    read(claims)
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    use serde_json::json;

    use super::*;

    const PRIVATE_KEY: &str = include_str!("../../../../config/sandbox-app.pem");

    fn signed(head: &Value, claims: &Value) -> String {
        let lines = PRIVATE_KEY.lines().filter(|line| !line.starts_with("-----"));
        let key = STANDARD.decode(lines.collect::<String>()).unwrap();
        let key = RsaKeyPair::from_der(&key).unwrap();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(head), part(claims));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn only_the_app_s_own_word_for_now_is_believed() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let head = json!({ "alg": "RS256", "typ": "JWT" });
        let claims = |iat: i64, exp: i64, iss: Value| json!({ "iat": 1_800_000_000 + iat, "exp": 1_800_000_000 + exp, "iss": iss });
        let good = signed(&head, &claims(-60, 540, json!(APP_ID)));
        assert!(check(&good, now).is_ok());
        assert!(check(&signed(&head, &claims(-60, 540, json!("1"))), now).is_ok());
        assert!(check(&signed(&head, &claims(-60, 540, json!(CLIENT_ID))), now).is_ok());
        for (iat, exp) in [(120, 540), (-60, -120), (-60, 6_000)] {
            assert!(
                check(&signed(&head, &claims(iat, exp, json!(1))), now).is_err(),
                "{iat} {exp}"
            );
        }
        assert!(check(&signed(&head, &claims(-60, 540, json!(2))), now).is_err());
        assert!(check(&signed(&json!({ "alg": "none" }), &claims(-60, 540, json!(1))), now).is_err());
        let mut other = good.clone();
        let last = other.pop().unwrap();
        other.push(if last == 'A' { 'Q' } else { 'A' });
        assert!(check(&other, now).is_err());
        assert!(is_one(&good) && !is_one("sandbox-one"));
    }
}
