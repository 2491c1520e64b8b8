//! Changes of issues.
//!
//! Invariant: what is not named in an input stays as it is.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::issue::{Issue, few};
use super::topics::ISSUE_CHANGES;
use crate::catalogue::fields::{Day, IssueRef, Markdown, MilestoneRef, Name, PersonRef, Version};
use crate::catalogue::op::{Declaration, Op};
use crate::catalogue::outcome::Deleted;

/// What can be taken away from an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clearable {
    /// It belongs to no milestone any more.
    Milestone,
    /// It need not be done by any day any more.
    DueOn,
}

/// Input of `projects.issue.update`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueUpdateInput {
    pub issue: IssueRef,
    /// The new headline.
    pub title: Option<Name>,
    /// The new text, all of it.
    pub body: Option<Markdown>,
    /// The milestone that it shall belong to.
    pub milestone: Option<MilestoneRef>,
    /// The day by which it shall be done.
    pub due_on: Option<Day>,
    /// What shall be taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<Clearable>,
    /// Only if this is still its `updated_at`; otherwise `precondition_failed`.
    pub if_match: Option<Version>,
}

/// `projects.issue.update`
pub struct IssueUpdate;

impl Op for IssueUpdate {
    type Input = IssueUpdateInput;
    type Output = Issue;
    const DECLARATION: &'static Declaration =
        &Declaration::patch::<Self>("projects.issue.update", "/projects/issues/{issue}", "Change an issue")
            .invalidates(ISSUE_CHANGES)
            .common();
    fn resource(input: &IssueUpdateInput) -> Resource {
        input.issue.resource()
    }
    fn check(input: &IssueUpdateInput) -> Result<(), Failure> {
        let sets = [
            input.title.is_some(),
            input.body.is_some(),
            input.milestone.is_some(),
            input.due_on.is_some(),
        ];
        if !sets.contains(&true) && input.clear.is_empty() {
            let sentence = "give at least one of title, body, milestone, due_on, clear";
            return Err(Failure::invalid("title", sentence));
        }
        let both = |field, set: bool| match set && input.clear.contains(&field) {
            true => Err(Failure::invalid("clear", "what is set cannot be cleared as well")),
            false => Ok(()),
        };
        both(Clearable::Milestone, input.milestone.is_some())?;
        both(Clearable::DueOn, input.due_on.is_some())
    }
}

/// Why an issue is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It is done.
    Completed,
    /// Nobody will do it.
    NotPlanned,
}

/// Input of `projects.issue.close`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCloseInput {
    pub issue: IssueRef,
    /// Why; default: the tracker's own.
    pub reason: Option<CloseReason>,
}

/// `projects.issue.close`
pub struct IssueClose;

impl Op for IssueClose {
    type Input = IssueCloseInput;
    type Output = Issue;
    const DECLARATION: &'static Declaration = &Declaration::put::<Self>(
        "projects.issue.close",
        "/projects/issues/{issue}/close",
        "Close an issue",
    )
    .invalidates(ISSUE_CHANGES);
    fn resource(input: &IssueCloseInput) -> Resource {
        input.issue.resource()
    }
}

/// Input of `projects.issue.reopen`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueReopenInput {
    pub issue: IssueRef,
}

/// `projects.issue.reopen`
pub struct IssueReopen;

impl Op for IssueReopen {
    type Input = IssueReopenInput;
    type Output = Issue;
    const DECLARATION: &'static Declaration = &Declaration::put::<Self>(
        "projects.issue.reopen",
        "/projects/issues/{issue}/reopen",
        "Open a closed issue again",
    )
    .invalidates(ISSUE_CHANGES);
    fn resource(input: &IssueReopenInput) -> Resource {
        input.issue.resource()
    }
}

/// Input of `projects.issue.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueDeleteInput {
    pub issue: IssueRef,
}

/// `projects.issue.delete`
pub struct IssueDelete;

impl Op for IssueDelete {
    type Input = IssueDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration =
        &Declaration::delete::<Self>("projects.issue.delete", "/projects/issues/{issue}", "Delete an issue")
            .invalidates(ISSUE_CHANGES);
    fn resource(input: &IssueDeleteInput) -> Resource {
        input.issue.resource()
    }
}

/// Input of `projects.issue.assign`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueAssignInput {
    pub issue: IssueRef,
    /// Who shall see to it: these, and nobody else. None: nobody.
    pub assignees: Vec<PersonRef>,
}

/// `projects.issue.assign`
pub struct IssueAssign;

impl Op for IssueAssign {
    type Input = IssueAssignInput;
    type Output = Issue;
    const DECLARATION: &'static Declaration = &Declaration::put::<Self>(
        "projects.issue.assign",
        "/projects/issues/{issue}/assignees",
        "Say who shall see to an issue",
    )
    .invalidates(ISSUE_CHANGES);
    fn resource(input: &IssueAssignInput) -> Resource {
        input.issue.resource()
    }
    fn check(input: &IssueAssignInput) -> Result<(), Failure> {
        few("assignees", input.assignees.len())
    }
}

/// Input of `projects.issue.lock`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueLockInput {
    pub issue: IssueRef,
    /// `false` lets everybody comment again; default: true.
    pub locked: Option<bool>,
}

/// `projects.issue.lock`
pub struct IssueLock;

impl Op for IssueLock {
    type Input = IssueLockInput;
    type Output = IssueLocked;
    const DECLARATION: &'static Declaration = &Declaration::put::<Self>(
        "projects.issue.lock",
        "/projects/issues/{issue}/lock",
        "Let only members comment on an issue, or everybody again",
    )
    .invalidates(ISSUE_CHANGES);
    fn resource(input: &IssueLockInput) -> Resource {
        input.issue.resource()
    }
}

/// What became of a lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IssueLocked {
    /// The issue's neutral id.
    pub id: String,
    /// Whether only members may comment now.
    pub locked: bool,
}

impl<I> crate::catalogue::op::Output<I> for IssueLocked {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_changes_something_and_nothing_twice() {
        let field = |input: IssueUpdateInput| IssueUpdate::check(&input).err().and_then(|failure| failure.field);
        let input = |clear: Vec<Clearable>| IssueUpdateInput {
            issue: "acme/api#7".into(),
            clear,
            ..IssueUpdateInput::default()
        };
        assert_eq!(field(input(vec![])).as_deref(), Some("title"));
        assert_eq!(field(input(vec![Clearable::DueOn])), None);
        let mut both = input(vec![Clearable::DueOn]);
        both.due_on = Some("2026-03-01".into());
        assert_eq!(field(both).as_deref(), Some("clear"));
    }
}
