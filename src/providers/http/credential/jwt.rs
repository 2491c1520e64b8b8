//! An app's proof of who it is: a token that it signs itself (RFC 7519, RS256).
//!
//! Invariant: the key and what it signed are shown nowhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// So long before now it begins, for clocks that differ.
const BEFORE: i64 = 60;
/// So long it lasts from now on: less than the ten minutes that are allowed.
const LASTS: i64 = 540;

/// An app's private key.
pub(super) struct SigningKey(RsaKeyPair);

impl SigningKey {
    /// Reads a key in PEM: PKCS #1 as providers give them out, or PKCS #8. In a variable its line breaks may be written as
    /// `\n`.
    ///
    /// # Errors
    /// `invalid_input` on `app.private_key`.
    pub(super) fn read(pem: &SecretString) -> Result<Self, Failure> {
        let text = SecretString::from(pem.expose_secret().replace("\\n", "\n"));
        let key = PrivateKeyDer::from_pem_slice(text.expose_secret().as_bytes()).ok();
        let pair = match &key {
            Some(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok(),
            Some(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
            _ => None,
        };
        pair.map(SigningKey).ok_or_else(|| {
            let sentence = "app.private_key must lead to an RSA key of 2048 bits or more in PEM, \
                            which begins with -----BEGIN RSA PRIVATE KEY----- or -----BEGIN PRIVATE KEY-----";
            Failure::invalid("app.private_key", sentence)
        })
    }

    /// What the app with this id shows at `now`.
    ///
    /// # Errors
    /// `internal` where it cannot be signed.
    pub(super) fn sign(&self, id: &str, now: Timestamp) -> Result<SecretString, Failure> {
        let second = now.as_second();
        let claims = json!({ "iat": second - BEFORE, "exp": second + LASTS, "iss": id });
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| Failure::new(Kind::Internal, "the app's token could not be signed"))?;
        Ok(SecretString::from(format!(
            "{text}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        )))
    }
}
