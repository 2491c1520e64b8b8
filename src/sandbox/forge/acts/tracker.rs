//! What is done to issues that are there, and to what orders them.
//!
//! Invariant: an issue names only milestones that its repository has.

use crate::sandbox::forge::data::issue::{Comment, Issue};
use crate::sandbox::forge::data::label::{Label, Milestone, PLAIN};
use crate::sandbox::forge::oid::now;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::state::State;

/// What shall be otherwise about an issue; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct IssueEdit {
    pub title: Option<String>,
    pub body: Option<Option<String>>,
    pub open: Option<bool>,
    /// Why it is closed, where that is told.
    pub reason: Option<String>,
    /// The number of a milestone.
    pub milestone: Option<Option<u64>>,
    pub due_on: Option<Option<String>>,
    pub locked: Option<bool>,
    pub labels: Option<Vec<String>>,
    pub assignees: Option<Vec<String>>,
}

impl State {
    /// Changes an issue.
    pub fn edit_issue(&mut self, repo: u64, number: u64, edit: IssueEdit) -> Result<(), Refused> {
        let found = self.writable(repo)?;
        let there = |id: u64| found.milestones.iter().any(|its| its.number == id);
        if edit.milestone.flatten().is_some_and(|id| !there(id)) {
            return Err(Refused::Missing(What::Milestone));
        }
        let issue = self.by_id_mut(repo)?.issue_mut(number);
        let issue = issue.ok_or(Refused::Missing(What::Issue))?;
        let (was, reason) = (issue.open, edit.reason);
        issue.edit(edit.title, edit.body, edit.open);
        match issue.open {
            true => issue.reason = (!was).then(|| "reopened".to_owned()),
            false if was => issue.reason = reason,
            false => {}
        }
        issue.milestone = edit.milestone.unwrap_or(issue.milestone);
        issue.due_on = edit.due_on.unwrap_or(issue.due_on.take());
        issue.locked = edit.locked.unwrap_or(issue.locked);
        issue.labels = edit.labels.unwrap_or(std::mem::take(&mut issue.labels));
        issue.assignees = edit.assignees.unwrap_or(std::mem::take(&mut issue.assignees));
        Ok(())
    }

    /// Takes an issue away; nothing else ever has its number.
    pub fn delete_issue(&mut self, repo: u64, number: u64) -> Result<(), Refused> {
        self.writable(repo)?;
        let repo = self.by_id_mut(repo)?;
        repo.issue(number).ok_or(Refused::Missing(What::Issue))?;
        repo.issues.retain(|issue| issue.number != number);
        repo.deleted.insert(number);
        Ok(())
    }

    /// Changes what somebody said.
    pub fn edit_comment(&mut self, repo: u64, id: u64, body: &str) -> Result<Comment, Refused> {
        self.writable(repo)?;
        let mut issues = self.by_id_mut(repo)?.issues.iter_mut();
        let found = issues.find_map(|issue| issue.comments.iter_mut().find(|comment| comment.id == id));
        let comment = found.ok_or(Refused::Missing(What::Comment))?;
        comment.body = body.to_owned();
        comment.updated_at = now();
        Ok(comment.clone())
    }

    /// Takes away what somebody said.
    pub fn delete_comment(&mut self, repo: u64, id: u64) -> Result<(), Refused> {
        self.writable(repo)?;
        let mut issues = self.by_id_mut(repo)?.issues.iter_mut();
        let issue = issues.find(|issue| issue.comments.iter().any(|comment| comment.id == id));
        let issue = issue.ok_or(Refused::Missing(What::Comment))?;
        issue.comments.retain(|comment| comment.id != id);
        Ok(())
    }

    /// Adds a label; the answer has its id.
    pub fn create_label(&mut self, repo: u64, label: Label) -> Result<Label, Refused> {
        let same = |its: &Label| its.name.eq_ignore_ascii_case(&label.name);
        if self.writable(repo)?.labels.iter().any(same) {
            return Err(Refused::Exists(What::Label));
        }
        let id = self.created.take(label.name.len())?;
        let label = Label { id, ..label };
        self.by_id_mut(repo)?.labels.push(label.clone());
        Ok(label)
    }

    /// Adds those labels that there are not yet, for forges where an issue may carry any.
    pub fn ensure_labels(&mut self, repo: u64, names: &[String]) -> Result<(), Refused> {
        for name in names {
            let label = Label {
                id: 0,
                name: name.clone(),
                color: PLAIN.to_owned(),
                description: String::new(),
            };
            match self.create_label(repo, label) {
                Ok(_) | Err(Refused::Exists(_)) => {}
                Err(refused) => return Err(refused),
            }
        }
        Ok(())
    }

    /// Adds a milestone; the answer has its id and number.
    pub fn create_milestone(
        &mut self,
        repo: u64,
        title: String,
        description: Option<String>,
        due_on: Option<String>,
    ) -> Result<Milestone, Refused> {
        let its = &self.writable(repo)?.milestones;
        if its.iter().any(|its| its.title == title) {
            return Err(Refused::Exists(What::Milestone));
        }
        let number = its.iter().map(|its| its.number).max().unwrap_or_default() + 1;
        let milestone = Milestone {
            id: self.created.take(title.len())?,
            number,
            title,
            description,
            open: true,
            due_on,
            created_at: now(),
            closed_at: None,
        };
        self.by_id_mut(repo)?.milestones.push(milestone.clone());
        Ok(milestone)
    }
}

impl Issue {
    /// Whether it is one that whoever looks for these words finds: each is in its title or its text.
    pub fn says(&self, words: &[String]) -> bool {
        let text = format!("{} {}", self.title, self.body.as_deref().unwrap_or_default()).to_lowercase();
        words.iter().all(|word| text.contains(&word.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::seed::USER;

    #[test]
    fn a_deleted_issue_s_number_is_nobody_s() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let draft = || Issue::draft("x".to_owned(), USER);
        let number = state.create_issue(repo, draft()).unwrap();
        assert_eq!(state.delete_issue(repo, number), Ok(()));
        assert_eq!(state.create_issue(repo, draft()), Ok(number + 1));
        assert_eq!(state.delete_issue(repo, number), Err(Refused::Missing(What::Issue)));
    }

    #[test]
    fn a_milestone_is_counted_and_only_one_that_is_there_is_taken() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let made = state.create_milestone(repo, "1.0".to_owned(), None, None).unwrap();
        let edit = |milestone| IssueEdit {
            milestone: Some(milestone),
            ..IssueEdit::default()
        };
        assert_eq!(state.edit_issue(repo, 1, edit(Some(made.number))), Ok(()));
        let none = state.edit_issue(repo, 1, edit(Some(99)));
        assert_eq!(none, Err(Refused::Missing(What::Milestone)));
        assert_eq!(state.edit_issue(repo, 1, edit(None)), Ok(()));
        assert_eq!(state.by_id(repo).unwrap().issue(1).unwrap().milestone, None);
    }
}
