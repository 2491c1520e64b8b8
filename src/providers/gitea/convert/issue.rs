//! Issues.
//!
//! Invariant: as in [`super`].

use super::person;
use crate::catalogue::link::Link;
use crate::catalogue::projects::{InMilestone, Issue, IssueState};
use crate::providers::gitea::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;
use crate::providers::{forge, tracker};

/// `project` is the one that was asked; an issue that has moved names its new one itself.
pub fn issue(instance: &str, project: &str, Row { wire, raw }: Row<wire::Issue>) -> Issue {
    let home = wire.repository.and_then(|repo| repo.full_name);
    Issue {
        id: forge::issue_id(instance, home.as_deref().unwrap_or(project), wire.number),
        number: Some(wire.number),
        title: wire.title,
        body: present(wire.body),
        state: match wire.state {
            wire::State::Open => IssueState::Open,
            wire::State::Closed => IssueState::Closed,
        },
        raw_state: None,
        labels: wire.labels.into_iter().flatten().map(|label| label.name).collect(),
        assignees: wire.assignees.into_iter().flatten().map(person).collect(),
        author: wire.user.map(person),
        milestone: wire.milestone.map(|its| InMilestone {
            id: its.id.to_string(),
            title: its.title,
        }),
        due_on: wire.due_date.text().as_deref().and_then(tracker::day),
        locked: wire.is_locked,
        comments: wire.comments,
        web_url: wire.html_url.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        closed_at: wire.closed_at.text(),
        dropped: Vec::new(),
        raw,
    }
}
