//! Pull requests.
//!
//! Invariant: a merged pull request is closed, and stays so.

use std::sync::Arc;

use super::compare::Comparison;
use crate::sandbox::forge::commit::{Commit, Signature};
use crate::sandbox::forge::data::issue::Issue;
use crate::sandbox::forge::data::pull::{Merge, Pull};
use crate::sandbox::forge::merge::{Join, MergeStyle};
use crate::sandbox::forge::oid::now;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::repo::Repo;
use crate::sandbox::forge::state::State;

/// A pull request and where it is.
#[derive(Clone, Copy)]
pub(crate) struct PullAt<'a> {
    pub state: &'a State,
    pub repo: &'a Repo,
    pub issue: &'a Issue,
    pub pull: &'a Pull,
}

impl<'a> PullAt<'a> {
    /// The pull request of this number.
    pub fn find(state: &'a State, repo: &'a Repo, number: u64) -> Option<Self> {
        let (issue, pull) = repo.pull(number)?;
        Some(Self {
            state,
            repo,
            issue,
            pull,
        })
    }
}

/// Whether a pull request can be merged.
#[derive(Clone, Debug)]
pub(crate) enum Mergeable {
    /// The forge is still looking.
    Unknown,
    /// It can, and this commit would be the result.
    Yes(Arc<Commit>),
    /// Both sides changed the same files.
    Conflict,
}

/// A pull request to be opened.
#[derive(Clone, Debug)]
pub(crate) struct PullDraft<'a> {
    pub title: &'a str,
    pub body: Option<&'a str>,
    /// The repository that the head branch is in.
    pub head_repo: u64,
    pub head: &'a str,
    pub base: &'a str,
    pub draft: bool,
}

/// What is changed about a pull request; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct PullEdit {
    pub title: Option<String>,
    pub body: Option<Option<String>>,
    pub open: Option<bool>,
    pub base: Option<String>,
    pub draft: Option<bool>,
}

/// How a pull request is to be merged.
#[derive(Clone, Debug)]
pub(crate) struct Merging<'a> {
    pub style: MergeStyle,
    /// The head that the caller has seen.
    pub head: Option<&'a str>,
    pub message: &'a str,
}

impl Repo {
    /// A pull request's issue and its own part.
    pub fn pull(&self, number: u64) -> Option<(&Issue, &Pull)> {
        let issue = self.issue(number)?;
        issue.pull.as_ref().map(|pull| (issue, &**pull))
    }

    /// What a pull request brings; after its merge, what it brought.
    pub fn brought_by(&self, pull: &Pull) -> Result<Comparison, Refused> {
        self.compare(&pull.base_id, &pull.head_id)
    }

    /// Whether a pull request can be merged.
    pub fn mergeable(&self, pull: &Pull) -> Mergeable {
        if !pull.asked {
            return Mergeable::Unknown;
        }
        let by = Signature::of(&self.owner, &self.updated_at);
        match self.join(pull, &by, "Merge of a test", MergeStyle::Merge) {
            Ok(commits) => commits.into_iter().next().map_or(Mergeable::Unknown, Mergeable::Yes),
            Err(Refused::Conflict(_)) => Mergeable::Conflict,
            Err(_) => Mergeable::Unknown,
        }
    }

    fn join(&self, pull: &Pull, by: &Signature, message: &str, style: MergeStyle) -> Result<Vec<Arc<Commit>>, Refused> {
        let commit = |id: &str| self.history.get(id).ok_or(Refused::Missing(What::Commit));
        let join = Join {
            history: &self.history,
            base: commit(&pull.base_id)?,
            head: commit(&pull.head_id)?,
            by,
            message,
        };
        join.commits(style).map_err(Refused::Conflict)
    }
}

impl State {
    /// Notes that somebody asked whether it can be merged: the next one who asks gets the answer.
    pub fn ask_mergeable(&mut self, repo: u64, number: u64) {
        let issue = self.by_id_mut(repo).ok().and_then(|repo| repo.issue_mut(number));
        if let Some(pull) = issue.and_then(|issue| issue.pull.as_mut()) {
            pull.asked = true;
        }
    }

    /// Opens a pull request that brings something; the answer is its number.
    pub fn create_pull(&mut self, repo: u64, draft: &PullDraft<'_>) -> Result<u64, Refused> {
        self.open_pull(repo, draft, false)
    }

    /// The same where one may also bring nothing.
    pub fn open_pull(&mut self, repo: u64, draft: &PullDraft<'_>, idle: bool) -> Result<u64, Refused> {
        let base = self.writable(repo)?;
        let from = self.by_id(draft.head_repo)?;
        if from.id != base.id && self.root_of(from) != self.root_of(base) {
            return Err(Refused::Unrelated);
        }
        let base_head = base.branch_head(draft.base).ok_or(Refused::Missing(What::Branch))?;
        let head = from.branch_head(draft.head).ok_or(Refused::Missing(What::Branch))?;
        let same = |issue: &&Issue| {
            let pull = issue.pull.as_ref().filter(|_| issue.open);
            pull.is_some_and(|pull| pull.comes_from(from.id, draft.head) && pull.base == draft.base)
        };
        if base.issues.iter().find(same).is_some() {
            return Err(Refused::Exists(What::Pull));
        }
        let (mut history, base_id, head_id) = (base.history.clone(), base_head.id.clone(), head.id.clone());
        history.import(&from.history, &head_id);
        if !idle && history.between(&base_id, &head_id).is_empty() {
            return Err(Refused::NothingBetween);
        }
        let pull = Pull {
            head_repo: from.id,
            head_owner: from.owner.clone(),
            head: draft.head.to_owned(),
            head_id,
            base: draft.base.to_owned(),
            base_id,
            draft: draft.draft,
            merged: None,
            reviews: Vec::new(),
            asked: false,
        };
        let issue = Issue {
            body: draft.body.map(str::to_owned),
            pull: Some(Box::new(pull)),
            ..Issue::draft(draft.title.to_owned(), self.user)
        };
        let number = self.create_issue(repo, issue)?;
        self.by_id_mut(repo)?.history = history;
        Ok(number)
    }

    /// Changes a pull request.
    pub fn edit_pull(&mut self, repo: u64, number: u64, edit: PullEdit) -> Result<(), Refused> {
        let found = self.writable(repo)?;
        let (_, pull) = found.pull(number).ok_or(Refused::Missing(What::Pull))?;
        if edit.open == Some(true) && pull.merged.is_some() {
            return Err(Refused::Merged);
        }
        let head_gone = self
            .by_id(pull.head_repo)
            .map(|from| from.branch_head(&pull.head).is_none());
        if edit.open == Some(true) && head_gone.unwrap_or(true) {
            return Err(Refused::Missing(What::Branch));
        }
        let base = match &edit.base {
            Some(name) => Some((
                name.clone(),
                found
                    .branch_head(name)
                    .ok_or(Refused::Missing(What::Branch))?
                    .id
                    .clone(),
            )),
            None => None,
        };
        let issue = self
            .by_id_mut(repo)?
            .issue_mut(number)
            .ok_or(Refused::Missing(What::Pull))?;
        issue.edit(edit.title, edit.body, edit.open);
        if let Some(pull) = &mut issue.pull {
            pull.draft = edit.draft.unwrap_or(pull.draft);
            if let Some((name, commit)) = base {
                pull.base = name;
                pull.base_moved(&commit);
            }
        }
        Ok(())
    }

    /// Merges a pull request; the answer is the commit that its base ends with now.
    pub fn merge_pull(&mut self, repo: u64, number: u64, how: &Merging<'_>) -> Result<String, Refused> {
        let found = self.writable(repo)?;
        let (issue, pull) = found.pull(number).ok_or(Refused::Missing(What::Pull))?;
        if pull.merged.is_some() {
            return Err(Refused::Merged);
        }
        if !issue.open {
            return Err(Refused::Closed);
        }
        if pull.draft {
            return Err(Refused::Draft);
        }
        if how.head.is_some_and(|head| head != pull.head_id) {
            return Err(Refused::Stale(pull.head_id.clone()));
        }
        let by = Signature::of(self.user, &now());
        let commits = found.join(pull, &by, how.message, how.style)?;
        let (base, last) = (pull.base.clone(), commits.last().map(|commit| commit.id.clone()));
        let last = last.ok_or(Refused::NothingBetween)?;
        for _ in &commits {
            self.created.take(0)?;
        }
        // Closed first: what it moves on the base is what it brings, not news to it.
        let (merge, at) = (last.clone(), now());
        let user = self.user;
        let issue = self
            .by_id_mut(repo)?
            .issue_mut(number)
            .ok_or(Refused::Missing(What::Pull))?;
        issue.close(&at);
        if let Some(pull) = &mut issue.pull {
            pull.merged = Some(Merge {
                at,
                by: user,
                commit: merge,
            });
        }
        for commit in commits {
            self.advance(repo, &base, commit)?;
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests;
