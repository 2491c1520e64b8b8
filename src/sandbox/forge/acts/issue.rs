//! Issues that are opened, and what people say to them.
//!
//! Invariant: numbers of issues only grow.

use crate::sandbox::forge::data::issue::{Comment, Issue};
use crate::sandbox::forge::oid::now;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::state::State;

impl State {
    /// Adds an issue to a repository; the answer is its number.
    pub fn create_issue(&mut self, repo: u64, draft: Issue) -> Result<u64, Refused> {
        let number = self.writable(repo)?.next_number();
        self.created.take(draft.body.as_ref().map_or(0, String::len))?;
        self.by_id_mut(repo)?.issues.push(Issue { number, ..draft });
        Ok(number)
    }

    /// Adds what the user says to an issue; the answer is the comment.
    pub fn create_comment(&mut self, repo: u64, number: u64, body: &str) -> Result<Comment, Refused> {
        self.writable(repo)?
            .issue(number)
            .ok_or(Refused::Missing(What::Issue))?;
        let at = now();
        let comment = Comment {
            id: self.created.take(body.len())?,
            author: self.user,
            body: body.to_owned(),
            created_at: at.clone(),
            updated_at: at,
        };
        let issue = self
            .by_id_mut(repo)?
            .issue_mut(number)
            .ok_or(Refused::Missing(What::Issue))?;
        issue.comments.push(comment.clone());
        issue.updated_at.clone_from(&comment.created_at);
        Ok(comment)
    }

    /// Replaces an issue's labels and assignees; what is `None` stays.
    pub fn mark_issue(
        &mut self,
        repo: u64,
        number: u64,
        labels: Option<Vec<String>>,
        assignees: Option<Vec<String>>,
    ) -> Result<(), Refused> {
        self.writable(repo)?;
        let issue = self.by_id_mut(repo)?.issue_mut(number);
        let issue = issue.ok_or(Refused::Missing(What::Issue))?;
        issue.labels = labels.unwrap_or(std::mem::take(&mut issue.labels));
        issue.assignees = assignees.unwrap_or(std::mem::take(&mut issue.assignees));
        issue.updated_at = now();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::forge::created::MAX_CREATED;
    use crate::sandbox::seed::USER;

    #[test]
    fn at_most_so_many_items_are_created() {
        let mut state = State::seeded("one");
        let repo = state.repo("ACME", "api").unwrap().id;
        let draft = || Issue::draft("x".to_owned(), USER);
        state.created.items = MAX_CREATED - 1;
        assert_eq!(state.create_issue(repo, draft()), Ok(7));
        assert_eq!(state.create_issue(repo, draft()), Err(Refused::Full));
        assert_eq!(state.created.items, MAX_CREATED);
    }

    #[test]
    fn labels_and_assignees_are_replaced_each_by_itself() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let list = |text: &str| Some(vec![text.to_owned()]);
        assert_eq!(state.mark_issue(repo, 2, None, list(USER)), Ok(()));
        assert_eq!(state.mark_issue(repo, 2, list("bug"), None), Ok(()));
        let issue = state.by_id(repo).unwrap().issue(2).unwrap();
        assert_eq!(
            (&issue.labels[..], &issue.assignees[..]),
            (&["bug".to_owned()][..], &[USER.to_owned()][..])
        );
        let nowhere = state.mark_issue(repo, 999, None, None);
        assert_eq!(nowhere, Err(Refused::Missing(What::Issue)));
    }

    #[test]
    fn what_was_said_can_be_read() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let said = state.create_comment(repo, 3, "Well done").unwrap();
        let issue = state.by_id(repo).unwrap().issue(3).unwrap();
        assert_eq!(
            (issue.comments[0].id, issue.comments[0].body.as_str()),
            (said.id, "Well done")
        );
        let nowhere = state.create_comment(repo, 999, "?").unwrap_err();
        assert_eq!(nowhere, Refused::Missing(What::Issue));
    }
}
