//! From GitHub's JSON to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver.

pub mod board;
mod commit;
mod hook;
mod issue;
mod pull;
mod release;
mod repo;
mod review;
mod status;
mod tracker;
mod tree;

pub use commit::{commit, comparison, file_change};
pub use hook::{events, hook};
pub use issue::{issue, path_of_repo};
pub use pull::pull;
pub use release::release;
pub use repo::repo;
pub use review::{comment, review};
pub use status::{combined, status};
pub use tracker::{issue_comment, label, milestone};
pub use tree::tree_entry;

use super::wire;
use crate::catalogue::git::{Branch, Tag, Written};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::forge::Place;
use crate::providers::http::Row;

fn person(user: wire::User) -> Person {
    Person {
        login: Some(user.login),
        web_url: user.html_url.map(Link::from),
        ..Person::default()
    }
}

fn people(users: Vec<wire::User>) -> Vec<Person> {
    users.into_iter().map(person).collect()
}

pub fn labels(labels: Vec<wire::Label>) -> Vec<String> {
    let name = |label| match label {
        wire::Label::Name(name) => Some(name),
        wire::Label::Object { name } => name,
    };
    labels.into_iter().filter_map(name).collect()
}

pub fn branch(Row { wire, raw }: Row<wire::Branch>) -> Branch {
    Branch {
        name: wire.name,
        sha: wire.commit.sha,
        protected: wire.protected,
        raw,
    }
}

pub fn tag(Row { wire, raw }: Row<wire::Tag>) -> Tag {
    Tag {
        name: wire.name,
        sha: wire.commit.sha,
        message: None,
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

/// What became of the file at `path`.
pub fn written(path: &str, branch: Option<&str>, created: bool, Row { wire, raw }: Row<wire::FileCommit>) -> Written {
    let (at, sha, web_url) = wire
        .content
        .map_or((None, None, None), |file| (file.path, file.sha, file.html_url));
    Written {
        path: at.unwrap_or_else(|| path.to_owned()),
        sha,
        commit: wire.commit.map(|commit| commit.sha),
        branch: branch.map(str::to_owned),
        created: Some(created),
        web_url: web_url.map(Link::from),
        raw,
    }
}
