//! Repositories.
//!
//! Invariant: what is not known to be public is not shown as that.

use mosaic_actors::call::Resource;

use crate::catalogue::git::{Repo, Visibility};
use crate::catalogue::link::Link;
use crate::providers::github::wire;
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
        // GitHub's own example names one of what is no fork.
        parent: wire.parent.filter(|_| wire.fork).map(|parent| parent.full_name),
        // What has a size is not empty; what has none may only not be counted yet.
        empty: (wire.size > 0).then_some(false),
        web_url: wire.html_url.map(Link::from),
        clone_url: wire.clone_url.map(Link::from),
        ssh_url: wire.ssh_url.map(Link::from),
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
}
