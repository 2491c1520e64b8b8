//! Repositories, branches, tags, files and trees.
//!
//! Invariant: as in [`super`].

use mosaic_actors::call::Resource;

use crate::catalogue::git::{Branch, EntryKind, Repo, Tag, TreeEntry, Visibility};
use crate::catalogue::link::Link;
use crate::providers::forge::{self, Place};
use crate::providers::gitea::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

pub fn repo(instance: &str, Row { wire, raw }: Row<wire::Repo>) -> Repo {
    let (owner, name) = wire.full_name.rsplit_once('/').unwrap_or_default();
    Repo {
        id: Resource::neutral_id(instance, &wire.full_name),
        visibility: visibility(&wire),
        name: wire.name.unwrap_or_else(|| name.to_owned()),
        owner: wire.owner.map_or_else(|| owner.to_owned(), |owner| owner.login),
        description: present(wire.description),
        default_branch: present(wire.default_branch),
        archived: wire.archived,
        fork: wire.fork,
        parent: wire.parent.and_then(|parent| present(parent.full_name)),
        empty: wire.empty,
        web_url: wire.html_url.map(Link::from),
        clone_url: wire.clone_url.map(Link::from),
        ssh_url: present(wire.ssh_url).map(Link::from),
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

pub fn branch(Row { wire, raw }: Row<wire::Branch>) -> Branch {
    Branch {
        name: wire.name,
        sha: wire.commit.id,
        protected: wire.protected,
        raw,
    }
}

/// A lightweight tag is its commit, and the message that Gitea gives with it is the commit's.
pub fn tag(Row { wire, raw }: Row<wire::Tag>) -> Tag {
    let annotated = wire.id.as_ref().is_some_and(|id| *id != wire.commit.sha);
    Tag {
        name: wire.name,
        message: present(wire.message.map(forge::message)).filter(|_| annotated),
        sha: wire.commit.sha,
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

/// Gitea tells the path within the tree that was asked for; `below` is the one of that tree.
pub fn entry(below: Option<&str>, Row { wire, raw }: Row<wire::GitEntry>) -> TreeEntry {
    let kind = match (wire.kind.as_deref(), wire.mode.as_deref()) {
        (Some("tree"), _) | (None, Some("040000")) => EntryKind::Directory,
        (Some("commit"), _) | (None, Some("160000")) => EntryKind::Submodule,
        (_, Some("120000")) => EntryKind::Symlink,
        _ => EntryKind::File,
    };
    let path = match below {
        Some(below) => format!("{below}/{}", wire.path),
        None => wire.path,
    };
    TreeEntry {
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
        path,
        kind,
        mode: wire.mode,
        sha: wire.sha,
        // Of what is no file, Gitea writes 0.
        size: wire.size.filter(|_| matches!(kind, EntryKind::File)),
        raw,
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
