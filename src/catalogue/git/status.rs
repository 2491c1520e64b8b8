//! Statuses of commits: what others, mostly CI servers, say of them.
//!
//! Invariant: a commit of which nothing is said has no state; it is not `pending`.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{REPO, STATUSES};
use crate::catalogue::fields::{CommitRef, Name, RepoRef, WebUrl};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;

/// What one context says of a commit.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Who says it, such as `ci/build`.
    pub context: String,
    /// What it says.
    pub state: StatusState,
    /// What it says, in the provider's own word.
    pub raw_state: String,
    /// The same for people.
    pub description: Option<String>,
    /// Where more is told.
    #[serde(skip_serializing_if = "is_no_page")]
    pub target_url: Option<Link>,
    /// Whose credential said it.
    pub creator: Option<Person>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Status {}

/// What is said of a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusState {
    /// It will be looked at.
    #[default]
    Pending,
    /// It is being looked at.
    Running,
    /// It is well.
    Success,
    /// It is well, and yet.
    Warning,
    /// It is not well.
    Failure,
    /// It could not be looked at; also where the provider's word is one that is not known here.
    Error,
    /// Somebody ended the look.
    Cancelled,
    /// It is not looked at.
    Skipped,
}

/// All that is said of a commit.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CombinedStatus {
    /// The commit.
    pub sha: Option<String>,
    /// The worst of all; absent where nothing is said.
    pub state: Option<StatusState>,
    /// The last word of each context.
    pub statuses: Vec<Status>,
    /// Statuses are left out: there are more than the provider gives.
    pub incomplete: bool,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for CombinedStatus {}

impl CombinedStatus {
    /// The worst of some: what failed before what is not done, and that before what is well.
    pub fn worst(statuses: &[Status]) -> Option<StatusState> {
        use StatusState::{Cancelled, Error, Failure, Pending, Running, Skipped, Success, Warning};
        const FROM_THE_WORST: [StatusState; 8] =
            [Error, Failure, Cancelled, Running, Pending, Warning, Success, Skipped];
        let said = |state: &StatusState| statuses.iter().any(|status| status.state == *state);
        FROM_THE_WORST.into_iter().find(said)
    }
}

/// Input of `git.status.set`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusSetInput {
    pub repo: RepoRef,
    pub commit: CommitRef,
    /// What is said. Not every provider knows each.
    pub state: StatusState,
    /// Who says it, such as `ci/build`; it takes the place of what the same one said before.
    pub context: Name,
    /// The same for people.
    pub description: Option<Name>,
    /// Where more is told.
    pub target_url: Option<WebUrl>,
}

/// `git.status.set`
pub struct StatusSet;

impl Op for StatusSet {
    type Input = StatusSetInput;
    type Output = Status;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "git.status.set",
        "/git/repos/{repo}/statuses/{commit}",
        "Say something of a commit",
    )
    .args(&["state", "context"])
    .invalidates(&[STATUSES]);
    fn resource(input: &StatusSetInput) -> Resource {
        input.repo.resource()
    }
}

/// Input of `git.status.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusGetInput {
    pub repo: RepoRef,
    pub commit: CommitRef,
}

/// `git.status.get`
pub struct StatusGet;

impl Op for StatusGet {
    type Input = StatusGetInput;
    type Output = CombinedStatus;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.status.get",
        "/git/repos/{repo}/statuses/{commit}",
        "Get all that is said of a commit",
    )
    .carries(&[STATUSES, REPO])
    .cached(5, 60, 5);
    fn resource(input: &StatusGetInput) -> Resource {
        input.repo.resource()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_nothing_is_no_state() {
        let status = |state| Status {
            context: "ci".to_owned(),
            state,
            raw_state: String::new(),
            description: None,
            target_url: None,
            creator: None,
            created_at: None,
            updated_at: None,
            raw: None,
        };
        let of =
            |states: &[StatusState]| CombinedStatus::worst(&states.iter().copied().map(status).collect::<Vec<_>>());
        assert_eq!(of(&[]), None);
        assert_eq!(
            of(&[StatusState::Skipped, StatusState::Success]),
            Some(StatusState::Success)
        );
        assert_eq!(
            of(&[StatusState::Success, StatusState::Pending]),
            Some(StatusState::Pending)
        );
        assert_eq!(
            of(&[StatusState::Pending, StatusState::Failure]),
            Some(StatusState::Failure)
        );
    }
}
