//! Files that are written and removed.
//!
//! Invariant: nobody replaces or removes a file whose id they do not know.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::Gitea;
use super::answer::Named;
use super::contents::last_change;
use super::form::Form;
use super::problem::Problem;
use crate::sandbox::forge::{Commit, FileWrite, Refused, Repo, Signature, State as Forge, What, now};

type At = Path<(String, String, String)>;

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Create,
    Update,
    Delete,
}

impl Act {
    /// What is written above a commit that nobody gave words.
    fn title(self, path: &str) -> String {
        let verb = match self {
            Self::Create => "Add",
            Self::Update => "Update",
            Self::Delete => "Delete",
        };
        format!("{verb} {path}")
    }
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path(place): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    write(&gitea, &place, &body, |_| Ok((Act::Create, None)))
}

/// Without an id, the file is new.
pub(crate) async fn update(
    State(gitea): State<Arc<Gitea>>,
    Path(place): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    write(&gitea, &place, &body, |form| {
        Ok(match form.filled("sha")? {
            Some(known) => (Act::Update, Some(known)),
            None => (Act::Create, None),
        })
    })
}

pub(crate) async fn delete(
    State(gitea): State<Arc<Gitea>>,
    Path(place): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    write(&gitea, &place, &body, |form| {
        Ok((Act::Delete, Some(form.required("sha", "SHA")?)))
    })
}

fn write(
    gitea: &Gitea,
    (owner, name, path): &(String, String, String),
    body: &Bytes,
    act: impl Fn(&Form) -> Result<(Act, Option<&str>), Problem>,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let repo = state.written(owner, name)?;
    if repo.archived {
        return Err(Problem::new(StatusCode::LOCKED, "repo is not allowed to edit"));
    }
    let form = Form::read(body)?;
    let (act, known) = act(&form)?;
    let user = state.user;
    let title = act.title(path);
    let (author, committer) = people(&form, user)?;
    let write = FileWrite {
        branch: form.filled("branch")?,
        path,
        content: match act {
            Act::Delete => None,
            _ => Some(form.bytes("content")?),
        },
        known,
        message: form.filled("message")?.unwrap_or(&title),
        author,
        committer,
    };
    let (repo, old) = (repo.id, write.branch.unwrap_or(&repo.default_branch).to_owned());
    let new = form.filled("new_branch")?.filter(|new| *new != old);
    let commit = match new {
        Some(new) => beside(&mut state, repo, &old, new, &write),
        None => state.write_file(repo, &write),
    };
    let commit = commit.map_err(|reason| refused(reason, &write, user))?;
    let repo = state.by_id(repo)?;
    let content = content(gitea, repo, &commit, new.unwrap_or(&old), path);
    let answer = gitea.links().written(&repo.full_name, &commit, content);
    let status = if act == Act::Create {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(answer)).into_response())
}

/// Writes on a branch that is made for it; when it is refused, the branch is gone again.
fn beside(state: &mut Forge, repo: u64, old: &str, new: &str, write: &FileWrite<'_>) -> Result<Arc<Commit>, Refused> {
    state.create_branch(repo, new, old)?;
    let write = FileWrite {
        branch: Some(new),
        ..write.clone()
    };
    let written = state.write_file(repo, &write);
    if written.is_err() {
        state.delete_branch(repo, new)?;
    }
    written
}

/// The file as it is now; null: it is gone.
fn content(gitea: &Gitea, repo: &Repo, commit: &Commit, branch: &str, path: &str) -> Value {
    let entry = commit.tree.entry(path);
    entry.map_or(Value::Null, |entry| {
        let last = last_change(repo, commit, &entry);
        gitea.links().entry(&repo.full_name, branch, &last, &entry)
    })
}

/// Author and committer: each is the other where one is given alone, and the user where none is.
fn people(form: &Form, user: &str) -> Result<(Signature, Signature), Problem> {
    let dates = form.part("dates")?;
    let signature = |field: &str| -> Result<Option<(String, String)>, Problem> {
        let Some(person) = form.part(field)? else {
            return Ok(None);
        };
        let (name, email) = (person.filled("name")?, person.filled("email")?);
        Ok(name.zip(email).map(|(name, email)| (name.to_owned(), email.to_owned())))
    };
    let at = |field: &str| -> Result<String, Problem> {
        let given = dates.as_ref().map(|dates| dates.time(field)).transpose()?.flatten();
        Ok(given.unwrap_or_else(now))
    };
    let (author, committer) = (signature("author")?, signature("committer")?);
    let of = |person: Option<(String, String)>, at: String| match person {
        Some((name, email)) => Signature { name, email, at },
        None => Signature::of(user, &at),
    };
    let (first, second) = (author.clone().or_else(|| committer.clone()), committer.or(author));
    Ok((of(first, at("author")?), of(second, at("committer")?)))
}

fn refused(reason: Refused, write: &FileWrite<'_>, user: &str) -> Problem {
    let path = write.path;
    let missing = |message| Problem::new(StatusCode::NOT_FOUND, message);
    match reason {
        Refused::Exists(What::File) => Problem::invalid(format!("repository file already exists [path: {path}]")),
        Refused::Exists(_) => Problem::invalid("branch already exists"),
        Refused::Stale(current) => {
            let known = write.known.unwrap_or_default();
            Problem::invalid(format!("sha does not match [given: {known}, expected: {current}]"))
        }
        Refused::Missing(What::File) => missing(format!("object does not exist [id: , rel_path: {path}]")),
        Refused::Missing(_) | Refused::Empty => missing(format!(
            "branch does not exist [repo_id: 0 name: {}]",
            write.branch.unwrap_or_default()
        )),
        Refused::Protected => {
            let message = format!("user cannot commit to repo [user: {user}]");
            Problem::new(StatusCode::FORBIDDEN, message)
        }
        Refused::BadName => Problem::invalid(format!("path is invalid [path: {path}]")),
        other => other.into(),
    }
}
