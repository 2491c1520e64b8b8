//! What was made last of a kind, for those who need one of a few by turns.
//!
//! Invariant: at most [`MOST`] are kept; the one that was made first goes first, and only costs to be made again.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// So many are kept. An app has a token for each owner, and of these few work at a time.
pub(super) const MOST: usize = 16;

/// Those that are kept, the latest first.
pub(super) struct Few<T>(ArcSwap<Vec<Arc<T>>>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Few(ArcSwap::from_pointee(Vec::new()))
    }
}

impl<T> Few<T> {
    /// The one that is sought, or else one that is made and kept.
    pub(super) fn get(&self, is_sought: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> Arc<T> {
        let kept = self.0.load_full();
        if let Some(found) = kept.iter().find(|one| is_sought(one)) {
            return found.clone();
        }
        let made = Arc::new(make());
        self.0.rcu(|kept| {
            let others = kept.iter().take(MOST - 1).cloned();
            Arc::new(std::iter::once(made.clone()).chain(others).collect::<Vec<_>>())
        });
        made
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn as_many_as_are_kept_are_made_once() {
        let (few, made) = (Few::default(), Cell::new(0));
        let get = |number: usize| {
            let make = || {
                made.set(made.get() + 1);
                number
            };
            *few.get(|kept| *kept == number, make)
        };
        for number in (0..MOST).chain(0..MOST) {
            assert_eq!(get(number), number);
        }
        assert_eq!(made.get(), MOST);
        // One more takes the place of the first.
        get(MOST);
        get(1);
        assert_eq!((made.get(), few.0.load_full().len()), (MOST + 1, MOST));
        get(0);
        assert_eq!(made.get(), MOST + 2);
    }
}
