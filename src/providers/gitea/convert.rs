//! From Gitea's JSON to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver.

use mosaic_actors::call::Resource;

use super::wire;
use crate::catalogue::git::{Branch, Repo, Visibility};
use crate::catalogue::projects::{Issue, IssueState};
use crate::providers::forge::{self, Place};
use crate::providers::http::Row;

pub fn repo(instance: &str, Row { wire, raw }: Row<wire::Repo>) -> Repo {
    let (owner, name) = wire.full_name.rsplit_once('/').unwrap_or_default();
    Repo {
        id: Resource::neutral_id(instance, &wire.full_name),
        visibility: visibility(&wire),
        name: wire.name.unwrap_or_else(|| name.to_owned()),
        owner: wire.owner.map_or_else(|| owner.to_owned(), |owner| owner.login),
        description: written(wire.description),
        default_branch: written(wire.default_branch),
        archived: wire.archived,
        fork: wire.fork,
        parent: None,
        empty: None,
        web_url: wire.html_url,
        clone_url: wire.clone_url,
        ssh_url: None,
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        path: wire.full_name,
        raw,
    }
}

fn visibility(wire: &wire::Repo) -> Visibility {
    match (wire.private, wire.internal) {
        (Some(false), true) => Visibility::Internal,
        (Some(false), false) => Visibility::Public,
        // Also where nothing is told: what is not known to be public is not shown as that.
        (Some(true) | None, _) => Visibility::Private,
    }
}

/// Gitea writes an absent text as an empty one.
fn written(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

pub fn branch(Row { wire, raw }: Row<wire::Branch>) -> Branch {
    Branch {
        name: wire.name,
        sha: wire.commit.id,
        protected: wire.protected,
        raw,
    }
}

/// `project` is the one that was asked; an issue that has moved names its new one itself.
pub fn issue(instance: &str, project: &str, Row { wire, raw }: Row<wire::Issue>) -> Issue {
    let home = wire.repository.and_then(|repo| repo.full_name);
    Issue {
        id: forge::issue_id(instance, home.as_deref().unwrap_or(project), wire.number),
        number: Some(wire.number),
        title: wire.title,
        body: written(wire.body),
        state: match wire.state {
            wire::State::Open => IssueState::Open,
            wire::State::Closed => IssueState::Closed,
        },
        labels: wire.labels.into_iter().flatten().map(|label| label.name).collect(),
        assignees: wire.assignees.into_iter().flatten().map(|user| user.login).collect(),
        author: wire.user.map(|user| user.login),
        comments: wire.comments,
        web_url: wire.html_url,
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        closed_at: wire.closed_at.text(),
        raw,
    }
}

pub fn place(entry: wire::PathContent) -> Place {
    Place {
        path: entry.path,
        name: entry.name,
        sha: entry.sha,
        web_url: entry.html_url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_wins_over_internal() {
        let seen = |private: bool, internal: bool| {
            let json = format!(
                r#"{{"name": "b", "full_name": "a/b", "owner": {{"login": "a"}}, "private": {private}, "internal": {internal}}}"#
            );
            visibility(&serde_json::from_str(&json).expect("a repository"))
        };
        assert_eq!(seen(false, false), Visibility::Public);
        assert_eq!(seen(false, true), Visibility::Internal);
        assert_eq!(seen(true, false), Visibility::Private);
        assert_eq!(seen(true, true), Visibility::Private);
    }
}
