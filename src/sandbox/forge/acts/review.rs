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
        let judges = matches!(state, ReviewState::Approved | ReviewState::ChangesRequested);
        if judges && issue.author == self.user {
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
}
