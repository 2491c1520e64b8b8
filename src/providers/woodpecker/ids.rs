//! The numeric ids of repositories, which Woodpecker's API wants in place of their names.
//!
//! Invariant: at most [`MOST`] are remembered, each for [`KNOWN`], and one that has led nowhere is forgotten: a name may be
//! given to another repository.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Repositories remembered; each takes some hundred bytes.
const MOST: usize = 4096;
/// How long a name is taken to mean the same.
const KNOWN: Duration = Duration::from_secs(30);

#[derive(Default)]
pub struct RepoIds(Mutex<HashMap<Box<str>, (u64, Instant)>>);

impl RepoIds {
    pub fn get(&self, project: &str) -> Option<u64> {
        let (id, since) = self.map().get(project).copied()?;
        (since.elapsed() < KNOWN).then_some(id)
    }

    pub fn remember(&self, project: &str, id: u64) {
        let mut map = self.map();
        if map.len() >= MOST && !map.contains_key(project) {
            // Rare, and each costs only one look-up to learn again: no order of use is kept.
            map.clear();
        }
        map.insert(project.into(), (id, Instant::now()));
    }

    pub fn forget(&self, project: &str) {
        self.map().remove(project);
    }

    /// Each change leaves the map whole, so a panic elsewhere spoils nothing.
    fn map(&self) -> MutexGuard<'_, HashMap<Box<str>, (u64, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_name_is_asked_about_again_after_a_while() {
        let ids = RepoIds::default();
        ids.remember("acme/api", 7);
        assert_eq!(ids.get("acme/api"), Some(7));
        tokio::time::advance(KNOWN).await;
        assert_eq!(ids.get("acme/api"), None);
    }

    #[test]
    fn it_is_bounded_and_forgets() {
        let ids = RepoIds::default();
        for id in 0..=MOST as u64 {
            ids.remember(&format!("acme/{id}"), id);
        }
        assert_eq!(ids.map().len(), 1);
        let last = format!("acme/{MOST}");
        assert_eq!(ids.get(&last), Some(MOST as u64));
        ids.forget(&last);
        assert_eq!(ids.get(&last), None);
    }
}
