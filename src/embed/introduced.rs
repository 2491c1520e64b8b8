//! Secrets that providers bring with their first delivery, and that whoever runs the gateway is to give back to them.
//!
//! Invariant: such a secret is in memory alone, one for each instance, and is told once; it proves nothing until it is
//! configured.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::secret::Secret;

/// What was brought, by instance.
#[derive(Default)]
pub(super) struct Introduced(Mutex<HashMap<Arc<str>, Secret>>);

impl Introduced {
    /// Held for one look.
    fn brought(&self) -> MutexGuard<'_, HashMap<Arc<str>, Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the one that was brought last.
    pub(super) fn keep(&self, instance: &Arc<str>, secret: Secret) {
        self.brought().insert(instance.clone(), secret);
    }

    /// Whether there is one to be told.
    pub(super) fn waits(&self, instance: &str) -> bool {
        self.brought().contains_key(instance)
    }

    /// Gives it away.
    pub(super) fn take(&self, instance: &str) -> Option<Secret> {
        self.brought().remove(instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_told_and_told_once() {
        let (introduced, instance) = (Introduced::default(), Arc::from("docs-a"));
        for secret in ["first", "second"] {
            introduced.keep(&instance, Secret::new(secret));
        }
        assert!(introduced.waits("docs-a") && !introduced.waits("docs-b"));
        let told = introduced.take("docs-a").expect("one");
        assert_eq!(told.expose(), "second");
        assert!(introduced.take("docs-a").is_none() && !introduced.waits("docs-a"));
    }
}
