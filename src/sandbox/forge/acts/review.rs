//! Pull requests that are judged.
//!
//! Invariant: nobody judges what is their own.

use crate::sandbox::forge::data::review::{LineComment, Review, ReviewState};
use crate::sandbox::forge::oid::now;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::state::State;

impl State {
    /// Adds the user's review of a pull request.
    pub fn create_review(
        &mut self,
        repo: u64,
        number: u64,
        state: ReviewState,
        body: &str,
        comments: Vec<LineComment>,
    ) -> Result<Review, Refused> {
        let (issue, pull) = self.writable(repo)?.pull(number).ok_or(Refused::Missing(What::Pull))?;
        if state.judges() && issue.author == self.user {
            return Err(Refused::OwnPull);
        }
        let commit = pull.head_id.clone();
        let review = Review {
            id: self.created.take(body.len())?,
            author: self.user,
            state,
            body: body.to_owned(),
            commit,
            comments,
            submitted_at: now(),
        };
        let issue = self.by_id_mut(repo)?.issue_mut(number);
        let pull = issue
            .and_then(|issue| issue.pull.as_mut())
            .ok_or(Refused::Missing(What::Pull))?;
        pull.reviews.push(review.clone());
        Ok(review)
    }

    /// Takes back the user's approvals of a pull request; false: there is none.
    pub fn withdraw_approval(&mut self, repo: u64, number: u64) -> Result<bool, Refused> {
        self.writable(repo)?;
        let user = self.user;
        let issue = self.by_id_mut(repo)?.issue_mut(number);
        let pull = issue
            .and_then(|issue| issue.pull.as_mut())
            .ok_or(Refused::Missing(What::Pull))?;
        let before = pull.reviews.len();
        let own = |review: &Review| review.author == user && review.state == ReviewState::Approved;
        pull.reviews.retain(|review| !own(review));
        Ok(pull.reviews.len() < before)
    }

    /// Ends a review that was begun: from now on others see it.
    pub fn submit_review(
        &mut self,
        repo: u64,
        number: u64,
        id: u64,
        state: ReviewState,
        body: &str,
    ) -> Result<Review, Refused> {
        let (issue, pull) = self.writable(repo)?.pull(number).ok_or(Refused::Missing(What::Pull))?;
        if state.judges() && issue.author == self.user {
            return Err(Refused::OwnPull);
        }
        let commit = pull.head_id.clone();
        let review = self.review_mut(repo, number, id)?;
        if review.state != ReviewState::Pending {
            return Err(Refused::Closed);
        }
        *review = Review {
            state,
            body: body.to_owned(),
            commit,
            submitted_at: now(),
            ..review.clone()
        };
        Ok(review.clone())
    }

    /// Takes a review back.
    pub fn delete_review(&mut self, repo: u64, number: u64, id: u64) -> Result<(), Refused> {
        self.writable(repo)?;
        self.review_mut(repo, number, id)?;
        let issue = self.by_id_mut(repo)?.issue_mut(number);
        if let Some(pull) = issue.and_then(|issue| issue.pull.as_mut()) {
            pull.reviews.retain(|review| review.id != id);
        }
        Ok(())
    }

    fn review_mut(&mut self, repo: u64, number: u64, id: u64) -> Result<&mut Review, Refused> {
        let issue = self.by_id_mut(repo)?.issue_mut(number);
        let reviews = issue
            .and_then(|issue| issue.pull.as_mut())
            .map(|pull| &mut pull.reviews);
        let found = reviews.and_then(|reviews| reviews.iter_mut().find(|review| review.id == id));
        found.ok_or(Refused::Missing(What::Review))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_pull_request_is_judged() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let review = state
            .create_review(repo, 3, ReviewState::Approved, "Good", Vec::new())
            .unwrap();
        let (_, pull) = state.by_id(repo).unwrap().pull(3).unwrap();
        assert_eq!(
            (pull.reviews[0].id, &pull.reviews[0].commit),
            (review.id, &pull.head_id)
        );
        assert_eq!(state.withdraw_approval(repo, 3), Ok(true));
        assert_eq!(state.withdraw_approval(repo, 3), Ok(false), "it is gone");
        let none = state
            .create_review(repo, 1, ReviewState::Commented, "?", Vec::new())
            .unwrap_err();
        assert_eq!(none, Refused::Missing(What::Pull), "an issue is none");
    }

    #[test]
    fn a_review_that_was_begun_is_ended_once_or_taken_back() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let begun = state
            .create_review(repo, 3, ReviewState::Pending, "", Vec::new())
            .unwrap()
            .id;
        let ended = state
            .submit_review(repo, 3, begun, ReviewState::Approved, "Good")
            .unwrap();
        assert_eq!((ended.state, ended.body.as_str()), (ReviewState::Approved, "Good"));
        let again = state
            .submit_review(repo, 3, begun, ReviewState::Approved, "Good")
            .unwrap_err();
        assert_eq!(again, Refused::Closed);
        assert_eq!(state.delete_review(repo, 3, begun), Ok(()));
        assert_eq!(state.delete_review(repo, 3, begun), Err(Refused::Missing(What::Review)));
    }
}
