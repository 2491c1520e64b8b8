//! What others, mostly CI, say of a commit.
//!
//! Invariant: what is said stays; the last word of a context counts.

use crate::sandbox::forge::data::status::Status;
use crate::sandbox::forge::oid::now;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::repo::Repo;
use crate::sandbox::forge::state::State;

impl Repo {
    /// All that was said of a commit, newest first.
    pub fn statuses_of(&self, commit: &str) -> Vec<&Status> {
        self.statuses
            .iter()
            .rev()
            .filter(|status| status.commit == commit)
            .collect()
    }

    /// The last word of each context on a commit, newest first.
    pub fn latest_statuses(&self, commit: &str) -> Vec<&Status> {
        let mut latest: Vec<&Status> = Vec::new();
        for status in self.statuses_of(commit) {
            if !latest.iter().any(|newer| newer.context == status.context) {
                latest.push(status);
            }
        }
        latest
    }
}

impl State {
    /// Says a word on a commit. Id, creator and time of the draft are overwritten.
    pub fn create_status(&mut self, repo: u64, draft: Status) -> Result<Status, Refused> {
        let found = self.writable(repo)?;
        found.history.get(&draft.commit).ok_or(Refused::Missing(What::Commit))?;
        let text = draft.description.as_ref().map_or(0, String::len);
        let status = Status {
            id: self.created.take(text)?,
            creator: self.user,
            created_at: now(),
            ..draft
        };
        self.by_id_mut(repo)?.statuses.push(status.clone());
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_a_context_counts() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap();
        let (repo, commit) = (repo.id, repo.head().unwrap().id.clone());
        for (context, word) in [("ci", "pending"), ("lint", "success"), ("ci", "success")] {
            let draft = Status {
                id: 0,
                commit: commit.clone(),
                state: word.to_owned(),
                context: context.to_owned(),
                description: None,
                target_url: None,
                creator: "",
                created_at: String::new(),
            };
            state.create_status(repo, draft).unwrap();
        }
        let repo = state.by_id(repo).unwrap();
        let words: Vec<_> = repo
            .latest_statuses(&commit)
            .iter()
            .map(|s| (s.context.as_str(), s.state.as_str()))
            .collect();
        assert_eq!(words, [("ci", "success"), ("lint", "success")]);
        assert_eq!(repo.statuses_of(&commit).len(), 3);
    }
}
