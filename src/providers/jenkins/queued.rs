//! The queue's items that triggers were told of: Jenkins makes one of what is asked for alike and waits, and of a job
//! without parameters it does not say so (trap 8).
//!
//! Invariant: of two triggers at this node that are told one item within [`KEPT`], one alone is told that it is its own. What
//! other nodes are told is not known. An item is forgotten [`SETTLED`] after it was seen to have left the queue, since numbers
//! begin anew where a server is set up again: then one that is told anew is new. At most [`MOST`] are remembered, the last
//! ones.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Items remembered: more than wait at once at most servers; each takes some ten bytes beside its job's name.
const MOST: usize = 1024;
/// How long an item is remembered. One that waits for longer is told by its job before each trigger; this is for triggers that
/// have not seen it there.
const KEPT: Duration = Duration::from_secs(300);
/// How long a trigger's answer may be on its way when its item has left the queue.
const SETTLED: Duration = Duration::from_secs(30);

/// The items of one server, with the jobs that they are of: numbers begin anew where a server was set up again.
#[derive(Default)]
pub struct Queued(Mutex<VecDeque<Told>>);

struct Told {
    item: u64,
    project: String,
    until: Instant,
}

impl Told {
    fn is(&self, project: &str, item: u64) -> bool {
        self.item == item && self.project == project
    }
}

impl Queued {
    /// Whether no trigger was told of this item before. From now on one was.
    pub fn is_new(&self, project: &str, item: u64) -> bool {
        let now = Instant::now();
        let mut told = self.remembered(now);
        if told.iter().any(|one| one.is(project, item)) {
            return false;
        }
        if told.len() >= MOST {
            told.pop_front();
        }
        told.push_back(Told {
            item,
            project: project.to_owned(),
            until: now + KEPT,
        });
        true
    }

    /// An item was seen to wait no more.
    pub fn has_left(&self, project: &str, item: u64) {
        let now = Instant::now();
        let mut told = self.remembered(now);
        if let Some(one) = told.iter_mut().find(|one| one.is(project, item)) {
            one.until = one.until.min(now + SETTLED);
        }
    }

    /// What is remembered still.
    fn remembered(&self, now: Instant) -> MutexGuard<'_, VecDeque<Told>> {
        // Each change leaves it whole, so a panic elsewhere spoils nothing.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|one| now < one.until);
        told
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[test]
    fn an_item_is_new_once_and_the_oldest_are_forgotten() {
        let queued = Queued::default();
        assert!(queued.is_new("a", 1) && !queued.is_new("a", 1) && queued.is_new("b", 1));
        for item in 2..=MOST as u64 {
            assert!(queued.is_new("a", item));
        }
        assert_eq!(queued.0.lock().expect("alone").len(), MOST);
        assert!(queued.is_new("a", 1));
    }

    /// Where a server is set up again its numbers begin anew.
    #[tokio::test(start_paused = true)]
    async fn what_has_left_the_queue_and_what_is_old_is_forgotten() {
        let queued = Queued::default();
        assert!(queued.is_new("a", 1) && queued.is_new("a", 2));
        queued.has_left("a", 1);
        queued.has_left("a", 7);
        assert!(!queued.is_new("a", 1), "an answer may be on its way");
        advance(SETTLED).await;
        assert!(queued.is_new("a", 1) && !queued.is_new("a", 2));
        advance(KEPT).await;
        assert!(queued.is_new("a", 2));
    }
}
