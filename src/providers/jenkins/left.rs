//! Items that have left the queue and have no build: it begins at this moment, or it was deleted.
//!
//! Invariant: an item is given [`GRACE`] from when this node first saw it so, and no longer. At most [`MOST`] are remembered,
//! the last ones: of one that is forgotten the grace begins anew, within the time that Jenkins itself remembers it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Items remembered; each takes some ten bytes beside its job's name.
const MOST: usize = 1024;
/// How long a build may take to come to be when its item has left the queue.
const GRACE: Duration = Duration::from_secs(10);
/// How long an item is remembered: Jenkins forgets it as long after it has left.
const KEPT: Duration = Duration::from_secs(300);

/// The items of one server, with the jobs that they are of.
#[derive(Default)]
pub struct Left(Mutex<VecDeque<Seen>>);

struct Seen {
    item: u64,
    project: String,
    first: Instant,
}

impl Left {
    /// Whether no build will come of an item that has left the queue and is seen to have none.
    pub fn is_over(&self, project: &str, item: u64) -> bool {
        let now = Instant::now();
        // Each change leaves it whole, so a panic elsewhere spoils nothing.
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|one| now < one.first + KEPT);
        if let Some(one) = seen.iter().find(|one| one.item == item && one.project == project) {
            return one.first + GRACE <= now;
        }
        if seen.len() >= MOST {
            seen.pop_front();
        }
        seen.push_back(Seen {
            item,
            project: project.to_owned(),
            first: now,
        });
        false
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_item_without_a_build_is_waited_for_and_then_given_up() {
        let left = Left::default();
        assert!(!left.is_over("a", 1) && !left.is_over("a", 1));
        advance(GRACE).await;
        assert!(left.is_over("a", 1), "its time is over");
        assert!(!left.is_over("b", 1) && !left.is_over("a", 2), "others have their own");
        advance(KEPT).await;
        assert!(!left.is_over("a", 1), "a server that was set up again counts anew");
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_are_forgotten() {
        let left = Left::default();
        for item in 0..=MOST as u64 {
            assert!(!left.is_over("a", item));
        }
        assert_eq!(left.0.lock().expect("alone").len(), MOST);
    }
}
