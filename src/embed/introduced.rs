//! Secrets that providers bring with their first delivery, and that whoever runs the gateway is to give back to them.
//!
//! Invariant: such a secret is in memory alone, one for each instance, and is told once; it proves nothing until it is
//! configured. None takes the place of one that waits: whoever found the secret path could have the operator give his.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use subtle::ConstantTimeEq as _;

use crate::secret::Secret;

/// What was brought, by instance.
#[derive(Default)]
pub(super) struct Introduced(Mutex<HashMap<Arc<str>, Secret>>);

impl Introduced {
    /// Held for one look.
    fn brought(&self) -> MutexGuard<'_, HashMap<Arc<str>, Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it, unless another waits to be told. Tells whether it is kept.
    pub(super) fn keep(&self, instance: &Arc<str>, secret: Secret) -> bool {
        let mut brought = self.brought();
        let kept = brought.entry(instance.clone()).or_insert_with(|| secret.clone());
        bool::from(kept.expose().as_bytes().ct_eq(secret.expose().as_bytes()))
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
    fn the_first_one_is_told_once_and_makes_room_for_another() {
        let (introduced, instance) = (Introduced::default(), Arc::from("docs-a"));
        let kept = ["first", "second", "first"].map(|secret| introduced.keep(&instance, Secret::new(secret)));
        assert_eq!(kept, [true, false, true]);
        assert!(introduced.waits("docs-a") && !introduced.waits("docs-b"));
        let told = introduced.take("docs-a").expect("one");
        assert_eq!(told.expose(), "first");
        assert!(introduced.keep(&instance, Secret::new("second")));
        introduced.take("docs-a").expect("one");
        assert!(introduced.take("docs-a").is_none() && !introduced.waits("docs-a"));
    }
}
