//! The tokens of an app, one for each owner.
//!
//! Invariant: at most [`MOST`] owners are kept; who was asked for longest ago goes first, and only costs a request to be
//! had again.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use super::flight::Renewing;

/// Owners kept; each takes about a kilobyte.
pub(super) const MOST: usize = 256;

/// One owner's.
#[derive(Default)]
pub(super) struct Owned {
    /// Its token.
    pub(super) token: Renewing,
    /// The installation that gives it; 0: not known.
    pub(super) installation: AtomicU64,
}

#[derive(Default)]
pub(super) struct Owners(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_name: HashMap<Box<str>, (Arc<Owned>, u64)>,
    /// Grows with each look.
    turn: u64,
}

impl Owners {
    /// The one of this name, which is theirs however it is written.
    pub(super) fn of(&self, name: &str) -> Arc<Owned> {
        let name = name.to_ascii_lowercase();
        // Each change leaves the map whole, so a panic elsewhere spoils nothing.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn += 1;
        let turn = kept.turn;
        if let Some((owned, last)) = kept.by_name.get_mut(name.as_str()) {
            *last = turn;
            return owned.clone();
        }
        if kept.by_name.len() >= MOST {
            let oldest = kept.by_name.iter().min_by_key(|(_, (_, last))| *last);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                kept.by_name.remove(&oldest);
            }
        }
        let owned = Arc::<Owned>::default();
        kept.by_name.insert(name.into(), (owned.clone(), turn));
        owned
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().unwrap().by_name.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_bounded_and_who_is_asked_for_stays() {
        let owners = Owners::default();
        let first = owners.of("Acme");
        for number in 0..2 * MOST {
            owners.of(&format!("owner-{number}"));
            assert!(Arc::ptr_eq(&first, &owners.of("acme")), "after {number}");
        }
        assert_eq!(owners.len(), MOST);
    }
}
