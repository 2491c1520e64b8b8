//! Encrypts credentials at rest.
//!
//! Invariant: a sealed credential opens only under its own name and its own key, and what is sealed is new
//! each time: the nonce is random, the name and the key's id are authenticated.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

use super::state::StoreError;
use crate::secret::Secret;

/// The fewest characters of a key that is neither hex nor base64 of 32 bytes.
const MIN_KEY_CHARS: usize = 32;

/// Binds derived keys to this use, so that the same secret used elsewhere gives other keys.
const SALT: &[u8] = b"mosaic state credentials v1";

/// A key that is too weak to protect anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected 32 random bytes as hex or base64, or text of at least 32 characters")]
pub struct WeakKey;

/// The keys: one that seals, and older ones that still open.
pub struct Vault {
    current: Key,
    previous: Vec<Key>,
}

struct Key {
    id: String,
    key: LessSafeKey,
}

/// A sealed credential.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) key_id: String,
    pub(crate) bytes: Vec<u8>,
}

impl Vault {
    /// A vault under the key that `secret` holds.
    ///
    /// # Errors
    /// [`WeakKey`].
    pub fn new(secret: &Secret) -> Result<Self, WeakKey> {
        Ok(Vault {
            current: Key::derive(&key_material(secret.expose())?),
            previous: Vec::new(),
        })
    }

    /// A vault under a random key that nobody else has, for state that is lost at exit anyway.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`].
    pub fn ephemeral() -> Result<Self, StoreError> {
        let mut material = [0; 32];
        SystemRandom::new()
            .fill(&mut material)
            .map_err(|_| StoreError::NoRandomness)?;
        Ok(Vault {
            current: Key::derive(&material),
            previous: Vec::new(),
        })
    }

    /// Adds a key that was in use before: it opens, and seals no more.
    ///
    /// # Errors
    /// [`WeakKey`].
    pub fn with_previous(mut self, secret: &Secret) -> Result<Self, WeakKey> {
        self.previous.push(Key::derive(&key_material(secret.expose())?));
        Ok(self)
    }

    /// Seals a credential under the current key.
    pub(crate) fn seal(&self, name: &str, credential: &Secret) -> Result<Sealed, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| StoreError::NoRandomness)?;
        // Sealed in place, behind the nonce: no second copy of the plaintext is left behind.
        let mut bytes = Vec::with_capacity(NONCE_LEN + credential.expose().len() + AES_256_GCM.tag_len());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(credential.expose().as_bytes());
        let Key { id, key } = &self.current;
        let (_, text) = bytes.split_at_mut(NONCE_LEN);
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound(name, id)), text)
            .map_err(|_| StoreError::TooLarge {
                what: "credential",
                limit: super::state::MAX_CREDENTIAL_BYTES,
            })?;
        bytes.extend_from_slice(tag.as_ref());
        Ok(Sealed {
            key_id: id.clone(),
            bytes,
        })
    }

    /// Opens a sealed credential.
    pub(crate) fn open(&self, name: &str, sealed: Sealed) -> Result<Secret, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged { what: "credential" };
        let Sealed { key_id, mut bytes } = sealed;
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let Some(Key { id, key }) = keys.find(|key| key.id == key_id) else {
            return Err(StoreError::WrongKey {
                name: name.to_owned(),
                key_id,
            });
        };
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(DAMAGED)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DAMAGED)?;
        let plain = key
            .open_in_place(nonce, Aad::from(bound(name, id)), text)
            .map_err(|_| DAMAGED)?;
        let secret = std::str::from_utf8(plain).map(Secret::new).map_err(|_| DAMAGED);
        plain.fill(0);
        secret
    }
}

/// What a sealed credential is bound to. Neither part holds a zero byte, so no two pairs read alike.
fn bound(name: &str, key_id: &str) -> String {
    format!("{name}\0{key_id}")
}

/// The bytes that a key's text stands for.
fn key_material(text: &str) -> Result<Vec<u8>, WeakKey> {
    let encoded = || {
        [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD]
            .iter()
            .find_map(|e| e.decode(text).ok())
    };
    match from_hex(text).or_else(encoded) {
        Some(bytes) if bytes.len() == 32 => Ok(bytes),
        _ if text.chars().count() >= MIN_KEY_CHARS => Ok(text.as_bytes().to_vec()),
        _ => Err(WeakKey),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let digits: Vec<u8> = text.as_bytes().iter().map(digit).collect::<Option<_>>()?;
    (digits.len() == 64).then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// The length of a key's public id, in bytes.
struct IdLen;

impl KeyType for IdLen {
    fn len(&self) -> usize {
        8
    }
}

impl Key {
    /// Derives the key and its id from the material; neither tells of the other.
    fn derive(material: &[u8]) -> Key {
        const PROOF: &str = "HKDF gives up to 255 hashes, and 32 bytes are one";
        let extracted = Salt::new(HKDF_SHA256, SALT).extract(material);
        let mut id = [0; 8];
        extracted
            .expand(&[b"id"], IdLen)
            .and_then(|okm| okm.fill(&mut id))
            .expect(PROOF);
        let key = UnboundKey::from(extracted.expand(&[b"key"], &AES_256_GCM).expect(PROOF));
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Key {
            id,
            key: LessSafeKey::new(key),
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("key_id", &self.current.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn vault(key: &str) -> Vault {
        Vault::new(&Secret::new(key)).unwrap()
    }

    #[test]
    fn a_key_may_be_hex_base64_or_long_text() {
        assert_eq!(vault(HEX).current.id, vault(BASE64).current.id);
        assert_eq!(vault(HEX).current.id, vault(BASE64.trim_end_matches('=')).current.id);
        assert_ne!(
            vault(HEX).current.id,
            vault("long text, made of many words, is a key").current.id
        );
        for weak in ["", "hunter2", "AAECAwQFBgcICQoLDA0ODw=="] {
            assert_eq!(Vault::new(&Secret::new(weak)).err(), Some(WeakKey));
        }
    }

    #[test]
    fn what_is_sealed_opens_and_is_new_each_time() {
        let vault = vault(HEX);
        let seal = || vault.seal("forge", &Secret::new("token")).unwrap();
        assert_ne!(seal().bytes, seal().bytes);
        assert_eq!(vault.open("forge", seal()).unwrap().expose(), "token");
    }

    #[test]
    fn it_opens_under_no_other_name_key_or_content() {
        let (old, new) = (vault(HEX), vault("long text, made of many words, is a key"));
        let seal = || old.seal("forge", &Secret::new("token")).unwrap();
        assert!(matches!(old.open("other", seal()), Err(StoreError::Damaged { .. })));
        assert!(matches!(new.open("forge", seal()), Err(StoreError::WrongKey { .. })));
        for at in 0..seal().bytes.len() {
            let mut sealed = seal();
            sealed.bytes[at] ^= 1;
            assert!(
                matches!(old.open("forge", sealed), Err(StoreError::Damaged { .. })),
                "byte {at}"
            );
        }
        for len in 0..seal().bytes.len() {
            let mut sealed = seal();
            sealed.bytes.truncate(len);
            assert!(
                matches!(old.open("forge", sealed), Err(StoreError::Damaged { .. })),
                "{len} bytes"
            );
        }
        let rotated = new.with_previous(&Secret::new(HEX)).unwrap();
        assert_eq!(rotated.open("forge", seal()).unwrap().expose(), "token");
        assert_eq!(rotated.seal("a", &Secret::new("b")).unwrap().key_id, rotated.current.id);
    }
}
