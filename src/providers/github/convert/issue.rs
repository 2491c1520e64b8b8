//! Issues.
//!
//! Invariant: an issue is named by the project that it is in now.

use super::{labels, people, person};
use crate::catalogue::link::Link;
use crate::catalogue::projects::{InMilestone, Issue, IssueState};
use crate::providers::forge;
use crate::providers::github::wire;
use crate::providers::http::Row;

/// `project` is the one that was asked; an issue that has moved names its new one itself.
pub fn issue(instance: &str, project: &str, Row { wire, raw }: Row<wire::Issue>) -> Issue {
    let home = wire.repository_url.as_deref().and_then(path_of_repo);
    Issue {
        id: forge::issue_id(instance, home.as_deref().unwrap_or(project), wire.number),
        number: Some(wire.number),
        title: wire.title,
        body: wire.body,
        state: match wire.state {
            wire::State::Open => IssueState::Open,
            wire::State::Closed => IssueState::Closed,
        },
        raw_state: wire.state_reason,
        labels: labels(wire.labels),
        assignees: people(wire.assignees.unwrap_or_default()),
        author: wire.user.map(person),
        milestone: wire.milestone.map(|its| InMilestone {
            id: its.number.to_string(),
            title: its.title,
        }),
        due_on: None,
        locked: wire.locked,
        comments: wire.comments,
        web_url: wire.html_url.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        closed_at: wire.closed_at.text(),
        dropped: Vec::new(),
        raw,
    }
}

/// `owner/name` of `https://HOST/…/repos/owner/name`.
pub fn path_of_repo(url: &str) -> Option<String> {
    let mut parts = url.rsplit('/');
    let (name, owner) = (parts.next()?, parts.next()?);
    (parts.next() == Some("repos")).then(|| format!("{owner}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_found_in_its_url() {
        let path = |url| path_of_repo(url);
        assert_eq!(path("https://h/api/v3/repos/a/b"), Some("a/b".to_owned()));
        assert_eq!(path("https://h/repos/repos/b"), Some("repos/b".to_owned()));
        assert_eq!(path("https://h/repositories/12"), None);
    }
}
