//! What surrounds issues: comments, labels and milestones.
//!
//! Invariant: a milestone is known by its number, which issues name it by.

use crate::catalogue::link::Link;
use crate::catalogue::projects::{IssueComment, Label, Milestone};
use crate::providers::github::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;
use crate::providers::tracker;

use super::person;

/// `issue` is the native id of the one that it is on.
pub fn issue_comment(instance: &str, issue: &str, Row { wire, raw }: Row<wire::IssueComment>) -> IssueComment {
    IssueComment {
        id: tracker::comment_id(instance, issue, wire.id),
        body: wire.body,
        author: wire.user.map(person),
        internal: None,
        web_url: wire.html_url.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw,
    }
}

pub fn label(Row { wire, raw }: Row<wire::RepoLabel>) -> Label {
    Label {
        id: wire.id.map(|id| id.to_string()),
        name: wire.name,
        color: wire.color.as_deref().and_then(tracker::colour),
        description: present(wire.description),
        raw,
    }
}

pub fn milestone(Row { wire, raw }: Row<wire::Milestone>) -> Milestone {
    Milestone {
        id: wire.number.to_string(),
        title: wire.title,
        description: present(wire.description),
        state: tracker::state(wire.state.as_deref()),
        due_on: wire.due_on.text().as_deref().and_then(tracker::day),
        open_issues: wire.open_issues,
        closed_issues: wire.closed_issues,
        web_url: wire.html_url.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        closed_at: wire.closed_at.text(),
        raw,
    }
}
