//! Files that are written and removed.
//!
//! A write takes a moment, the pace of this server's streams: of two that meet on one branch, the one that is behind is
//! refused.
//!
//! Invariant: nobody replaces or removes a file whose id they do not know.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::GitHub;
use super::answer::Named;
use super::body::Input;
use super::problem::Problem;
use crate::sandbox::forge::{FileWrite, Refused, Repo, Signature, What, now};

pub(crate) async fn put(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, path)): Path<(String, String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Content")?;
    let content = input.bytes("content")?.ok_or_else(|| absent("content"))?;
    let known = input.text("sha")?.filter(|id| !id.is_empty());
    write(&github, (&owner, &name), &path, &input, known, Some(content)).await
}

pub(crate) async fn delete(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, path)): Path<(String, String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read_optional(&body, "Content")?;
    let known = input.text("sha")?.ok_or_else(|| absent("sha"))?;
    write(&github, (&owner, &name), &path, &input, Some(known), None).await
}

async fn write(
    github: &GitHub,
    (owner, name): (&str, &str),
    path: &str,
    input: &Input,
    known: Option<&str>,
    content: Option<Bytes>,
) -> Result<Response<Body>, Problem> {
    let message = input.text("message")?.ok_or_else(|| absent("message"))?;
    let asked = input.text("branch")?.filter(|branch| !branch.is_empty());
    let (repo, branch, seen) = {
        let state = github.state();
        let repo = state.named(owner, name)?;
        let branch = asked.unwrap_or(&repo.default_branch);
        let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        (repo.id, branch.to_owned(), head(repo, branch))
    };
    pause(github.instance.chunk_pace).await;
    let mut state = github.state();
    let now_at = head(state.by_id(repo)?, &branch);
    if now_at != seen {
        let message = format!("{branch} is at {now_at} but expected {seen}");
        return Err(Problem::new(StatusCode::CONFLICT, message));
    }
    let user = Signature::of(state.user, &now());
    let committer = input.signature("committer")?;
    let author = input.signature("author")?.or_else(|| committer.clone());
    let removes = content.is_none();
    let write = FileWrite {
        branch: Some(&branch),
        path,
        content,
        known,
        message,
        author: author.unwrap_or_else(|| user.clone()),
        committer: committer.unwrap_or(user),
    };
    let commit = state
        .write_file(repo, &write)
        .map_err(|reason| refused(reason, &write))?;
    let (links, repo) = (github.links(), state.by_id(repo)?);
    let entry = commit
        .tree
        .entry(path)
        .map(|entry| links.entry(&repo.full_name, &branch, &entry));
    let status = match known.is_none() && !removes {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    let answer = json!({
        "content": entry.unwrap_or(Value::Null),
        "commit": links.file_commit(&repo.full_name, &commit),
    });
    Ok((status, Json(answer)).into_response())
}

/// Where a branch is; nothing when it has no commit.
fn head(repo: &Repo, branch: &str) -> String {
    repo.branch_head(branch).map(|head| head.id.clone()).unwrap_or_default()
}

/// The time that a write takes.
async fn pause(time: Duration) {
    match time.is_zero() {
        true => tokio::task::yield_now().await,
        false => sleep(time).await,
    }
}

fn absent(field: &str) -> Problem {
    Problem::unprocessable(format!("Invalid request.\n\n\"{field}\" wasn't supplied."))
}

fn refused(reason: Refused, write: &FileWrite<'_>) -> Problem {
    let (path, known) = (write.path, write.known.unwrap_or_default());
    let conflict = |message| Problem::new(StatusCode::CONFLICT, message);
    match reason {
        Refused::Exists(What::File) => absent("sha"),
        Refused::Stale(_) => conflict(format!("{path} does not match {known}")),
        Refused::Missing(What::File) if write.content.is_some() => conflict(format!("{path} does not match {known}")),
        Refused::Missing(What::Branch) => {
            let message = format!("Branch {} not found", write.branch.unwrap_or_default());
            Problem::new(StatusCode::NOT_FOUND, message)
        }
        Refused::Protected => conflict("Changes to this branch must be made through a pull request.".to_owned()),
        Refused::BadName => Problem::unprocessable("path contains a malformed path component"),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::github::open_for_test;

    async fn write(github: &Arc<GitHub>, file: &str, branch: &str) -> StatusCode {
        let body = json!({ "message": "m", "content": "eA==", "branch": branch }).to_string();
        let path = Path(("acme".to_owned(), "api".to_owned(), file.to_owned()));
        let answer = put(State(github.clone()), path, body.into()).await;
        answer.into_response().status()
    }

    /// H10. All three have begun before one goes on: a join asks each in turn, and begins with any.
    #[tokio::test]
    async fn of_two_writes_that_meet_on_a_branch_one_is_refused() {
        let github = open_for_test();
        let repo = github.state().repo("acme", "api").unwrap().id;
        github.state().create_branch(repo, "other", "main").unwrap();
        let (one, two, apart) = tokio::join!(
            write(&github, "a", "develop"),
            write(&github, "b", "develop"),
            write(&github, "c", "other")
        );
        let mut met = [one, two];
        met.sort();
        assert_eq!(
            (met, apart),
            ([StatusCode::CREATED, StatusCode::CONFLICT], StatusCode::CREATED)
        );
        assert_eq!(write(&github, "d", "develop").await, StatusCode::CREATED);
    }
}
