//! GitLab as a tracker: issues and what surrounds them, and the boards of projects.
//!
//! Invariant: no text of a caller becomes a command, and nothing is cleared by being left out.

pub mod accounts;
mod boards;
mod changes;
mod comments;
mod issues;
mod labels;
mod milestones;
mod people;
mod search;

use super::GitLab;
use crate::catalogue::projects;
use crate::providers::Handlers;

/// Adds what serves trackers.
pub fn handlers(handlers: Handlers<GitLab>) -> Handlers<GitLab> {
    handlers
        .on::<projects::IssueList, _, _>(issues::list)
        .on::<projects::IssueGet, _, _>(issues::get)
        .on::<projects::IssueCreate, _, _>(issues::create)
        .on::<projects::IssueUpdate, _, _>(changes::update)
        .on::<projects::IssueClose, _, _>(changes::close)
        .on::<projects::IssueReopen, _, _>(changes::reopen)
        .on::<projects::IssueDelete, _, _>(changes::delete)
        .on::<projects::IssueAssign, _, _>(people::assign)
        .on::<projects::IssueLock, _, _>(changes::lock)
        .on::<projects::IssueSearch, _, _>(search::search)
        .on::<projects::IssueCommentList, _, _>(comments::list)
        .on::<projects::IssueCommentCreate, _, _>(comments::create)
        .on::<projects::IssueCommentUpdate, _, _>(comments::update)
        .on::<projects::IssueCommentDelete, _, _>(comments::delete)
        .on::<projects::LabelList, _, _>(labels::list)
        .on::<projects::LabelCreate, _, _>(labels::create)
        .on::<projects::LabelSet, _, _>(labels::set)
        .on::<projects::MilestoneList, _, _>(milestones::list)
        .on::<projects::MilestoneCreate, _, _>(milestones::create)
        .on::<projects::BoardList, _, _>(boards::list)
        .on::<projects::BoardItems, _, _>(boards::items)
        // A board shows the issues that carry the labels of its lists, and keeps none itself.
        .emulates::<projects::BoardItems>()
}
