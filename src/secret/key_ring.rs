//! The ring of API keys: whose key is presented.
//!
//! Invariant: no key is kept, only its hash under a key that this ring alone has.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use mosaic_actors::policy::scopes::Scopes;
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::{Secret, SecretError};

/// The fewest bytes an API key may have. Shorter ones can be guessed.
pub const MIN_KEY_BYTES: usize = 16;

/// Who a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The tenant whose limits and rules apply.
    pub tenant: Arc<str>,
    /// The person, service or agent.
    pub identity: Arc<str>,
    /// What the key was granted of what its tenant may; absent: all of that.
    pub scopes: Option<Arc<Scopes>>,
}

/// Why a key ring cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// A key's reference gives nothing.
    #[error("keys.{name}: {error}")]
    Secret {
        /// The key's name in the configuration.
        name: String,
        /// What is wrong.
        error: SecretError,
    },
    /// Fewer than [`MIN_KEY_BYTES`].
    #[error("keys.{0}: the key is shorter than 16 bytes")]
    TooShort(String),
    /// Two names for one key: who is calling would be a matter of luck.
    #[error("keys.{name}: the same key as keys.{other}")]
    Duplicate {
        /// The later name.
        name: String,
        /// The earlier name.
        other: String,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

struct StoredKey {
    hash: blake3::Hash,
    name: String,
    principal: Principal,
}

/// The known API keys. Holds a keyed hash of each under a key of its own, made at random, so that
/// neither a dump of memory nor two rings compared give a key away.
pub struct KeyRing {
    hash_key: [u8; 32],
    // Found by the first 8 bytes of the keyed hash, which nobody outside can predict or aim at.
    entries: HashMap<u64, Vec<StoredKey>>,
}

impl KeyRing {
    /// A ring of the given keys: name in the configuration, the key, and whose it is.
    ///
    /// # Errors
    /// [`KeyError`] names the key at fault, never its value.
    pub fn new(keys: impl IntoIterator<Item = (String, Secret, Principal)>) -> Result<Self, KeyError> {
        let mut hash_key = [0; 32];
        SystemRandom::new()
            .fill(&mut hash_key)
            .map_err(|_| KeyError::NoRandomness)?;
        let mut ring = KeyRing {
            hash_key,
            entries: HashMap::new(),
        };
        for (name, key, principal) in keys {
            ring.add(name, key, principal)?;
        }
        Ok(ring)
    }

    /// Adds a key.
    ///
    /// # Errors
    /// As [`KeyRing::new`]; the ring is as before.
    pub(crate) fn add(&mut self, name: String, key: Secret, principal: Principal) -> Result<(), KeyError> {
        if key.expose().len() < MIN_KEY_BYTES {
            return Err(KeyError::TooShort(name));
        }
        let hash = blake3::keyed_hash(&self.hash_key, key.expose().as_bytes());
        if let Some(other) = self.find(&hash) {
            return Err(KeyError::Duplicate {
                name,
                other: other.name.clone(),
            });
        }
        let stored = StoredKey { hash, name, principal };
        self.entries.entry(prefix(&hash)).or_default().push(stored);
        Ok(())
    }

    /// Whose key this is. Takes the same time for every key that is not known.
    pub fn authenticate(&self, presented: &str) -> Option<Principal> {
        let hash = blake3::keyed_hash(&self.hash_key, presented.as_bytes());
        self.find(&hash).map(|entry| entry.principal.clone())
    }

    fn find(&self, hash: &blake3::Hash) -> Option<&StoredKey> {
        let row = self.entries.get(&prefix(hash))?;
        row.iter()
            .find(|entry| bool::from(entry.hash.as_bytes().ct_eq(hash.as_bytes())))
    }

    /// True where nobody has a key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn prefix(hash: &blake3::Hash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&str> = self
            .entries
            .values()
            .flatten()
            .map(|entry| entry.name.as_str())
            .collect();
        names.sort_unstable();
        f.debug_struct("KeyRing").field("names", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANTED: &str = "ghp_planted-secret-0123456789";

    fn principal(identity: &str) -> Principal {
        Principal {
            tenant: "acme".into(),
            identity: identity.into(),
            scopes: None,
        }
    }

    #[test]
    fn the_ring_knows_its_keys_and_holds_none() {
        let keys = ["a", "b"].map(|n| (n.to_owned(), Secret::new(format!("{PLANTED}{n}")), principal(n)));
        let ring = KeyRing::new(keys).unwrap();
        assert_eq!(ring.authenticate(&format!("{PLANTED}b")), Some(principal("b")));
        assert_eq!(ring.authenticate(PLANTED), None);
        assert_eq!(ring.authenticate(""), None);
        assert_eq!(format!("{ring:?}"), r#"KeyRing { names: ["a", "b"], .. }"#);
    }

    #[test]
    fn weak_and_double_keys_are_refused() {
        let ring = |keys: &[(&str, &str)]| {
            KeyRing::new(
                keys.iter()
                    .map(|(n, k)| ((*n).to_owned(), Secret::new(*k), principal(n))),
            )
            .map(drop)
        };
        assert_eq!(ring(&[("a", "short")]), Err(KeyError::TooShort("a".into())));
        let twice = ring(&[("a", PLANTED), ("b", PLANTED)]);
        assert_eq!(
            twice,
            Err(KeyError::Duplicate {
                name: "b".into(),
                other: "a".into()
            })
        );
    }
}
