//! Secrets that runs are given.
//!
//! Invariant: a secret's value is never printed, and leaves only for a test's eyes.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

/// A secret.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    /// In capitals.
    pub name: String,
    value: SecretString,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Secret {
    pub fn new(name: &str, value: SecretString, now: Timestamp) -> Self {
        Self {
            name: name.to_uppercase(),
            value,
            created_at: now,
            updated_at: now,
        }
    }

    /// How many bytes it has: what a run tells of it.
    pub fn size(&self) -> usize {
        self.value.expose_secret().len()
    }

    #[cfg(test)]
    pub fn value(&self) -> &str {
        self.value.expose_secret()
    }
}
