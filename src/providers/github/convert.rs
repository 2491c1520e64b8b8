//! From GitHub's JSON to the neutral types. Pure.
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
        name: wire.name.unwrap_or_else(|| name.to_owned()),
        owner: wire.owner.map_or_else(|| owner.to_owned(), |owner| owner.login),
        description: wire.description,
        visibility: visibility(wire.visibility.as_deref(), wire.private),
        default_branch: wire.default_branch,
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

/// Older servers tell only whether a repository is private.
fn visibility(word: Option<&str>, private: Option<bool>) -> Visibility {
    match word {
        Some("public") => Visibility::Public,
        Some("internal") => Visibility::Internal,
        Some("private") => Visibility::Private,
        _ if private == Some(false) => Visibility::Public,
        // Also where nothing is told: what is not known to be public is not shown as that.
        _ => Visibility::Private,
    }
}

pub fn branch(Row { wire, raw }: Row<wire::Branch>) -> Branch {
    Branch {
        name: wire.name,
        sha: wire.commit.sha,
        protected: wire.protected,
        raw,
    }
}

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
        labels: wire.labels.into_iter().filter_map(label).collect(),
        assignees: logins(wire.assignees.unwrap_or_default()),
        author: wire.user.map(|user| user.login),
        comments: wire.comments,
        web_url: wire.html_url,
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        closed_at: wire.closed_at.text(),
        raw,
    }
}

fn label(label: wire::Label) -> Option<String> {
    match label {
        wire::Label::Name(name) => Some(name),
        wire::Label::Object { name } => name,
    }
}

fn logins(users: Vec<wire::User>) -> Vec<String> {
    users.into_iter().map(|user| user.login).collect()
}

/// `owner/name` of `https://HOST/…/repos/owner/name`.
fn path_of_repo(url: &str) -> Option<String> {
    let mut parts = url.rsplit('/');
    let (name, owner) = (parts.next()?, parts.next()?);
    (parts.next() == Some("repos")).then(|| format!("{owner}/{name}"))
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
    fn visibility_falls_back_on_the_flag() {
        assert_eq!(visibility(Some("internal"), Some(true)), Visibility::Internal);
        assert_eq!(visibility(None, Some(true)), Visibility::Private);
        assert_eq!(visibility(Some("secret"), Some(true)), Visibility::Private);
        assert_eq!(visibility(None, Some(false)), Visibility::Public);
        assert_eq!(visibility(None, None), Visibility::Private);
    }

    #[test]
    fn a_repository_is_found_in_its_url() {
        let path = |url| path_of_repo(url);
        assert_eq!(path("https://h/api/v3/repos/a/b"), Some("a/b".to_owned()));
        assert_eq!(path("https://h/repos/repos/b"), Some("repos/b".to_owned()));
        assert_eq!(path("https://h/repositories/12"), None);
    }
}
