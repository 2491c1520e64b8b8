//! The merge of a pull request.
//!
//! Invariant: 405 stands for all that keeps it from being merged, 409 for what only the merge itself shows; a success has
//! no body.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

use super::Gitea;
use super::form::Form;
use super::objects::pull::can_merge;
use super::problem::Problem;
use super::pulls::at;
use crate::sandbox::forge::{Issue, MergeStyle, Merging, Pull, PullAt, Refused};

/// The words for how to merge that Gitea knows and no repository here allows.
const NOT_ALLOWED: &[&str] = &["rebase-merge", "fast-forward-only", "manually-merged"];

type At = Path<(String, String, String)>;

/// Whether it was merged: 204, or else 404.
pub(crate) async fn merged(State(gitea): State<Arc<Gitea>>, Path(path): At) -> Result<StatusCode, Problem> {
    let state = gitea.state();
    let merged = at(&state, &path)?.pull.merged.is_some();
    merged.then_some(StatusCode::NO_CONTENT).ok_or_else(Problem::not_found)
}

fn not_allowed(message: &str) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// How to merge, in the spelling of this release or of those before it.
fn style(form: &Form) -> Result<MergeStyle, Problem> {
    match form.required("do", "Do")? {
        "merge" => Ok(MergeStyle::Merge),
        "squash" => Ok(MergeStyle::Squash),
        "rebase" => Ok(MergeStyle::Rebase),
        other if NOT_ALLOWED.contains(&other) => {
            let message = format!("{other} is not allowed an allowed merge style for this repository");
            Err(not_allowed(&message))
        }
        _ => Err(Problem::invalid("[Do]: In")),
    }
}

/// What is checked before the merge begins.
fn checked(at: &PullAt<'_>) -> Result<(), Problem> {
    if at.pull.merged.is_some() {
        return Err(not_allowed("The PR is already merged"));
    }
    if !at.issue.open {
        return Err(Problem::not_found());
    }
    if at.pull.draft {
        return Err(not_allowed("Work in progress PRs cannot be merged"));
    }
    // Conflicts, and what is still being looked into.
    match can_merge(at) {
        true => Ok(()),
        false => Err(not_allowed("Please try again later")),
    }
}

pub(crate) async fn merge(
    State(gitea): State<Arc<Gitea>>,
    Path(path): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let at = at(&state, &path)?;
    at.repo.writable()?;
    let form = Form::read(&body)?;
    let style = style(&form)?;
    let (repo, number) = (at.repo.id, at.issue.number);
    let checked = checked(&at);
    let message = message(&at, style, &form)?;
    let (head_repo, head) = (at.pull.head_repo, at.pull.head.clone());
    // Who tries sets the forge looking, too.
    state.ask_mergeable(repo, number);
    checked?;
    let merging = Merging {
        style,
        head: form.filled("head_commit_id")?,
        message: &message,
    };
    match state.merge_pull(repo, number, &merging) {
        Ok(_) => {}
        Err(Refused::Stale(_)) => return Err(Problem::conflict("head out of date")),
        Err(Refused::Conflict(paths)) => return Ok(conflict(&form, &paths)),
        Err(other) => return Err(other.into()),
    }
    // Never in a repository of somebody else.
    if head_repo == repo && form.flag("delete_branch_after_merge")?.unwrap_or_default() {
        // It was merged; that its branch stays is told to nobody.
        let _stays = state.delete_branch(head_repo, &head);
    }
    Ok(StatusCode::OK.into_response())
}

/// The title and the text, or what is usual.
fn message(at: &PullAt<'_>, style: MergeStyle, form: &Form) -> Result<String, Problem> {
    let either = |one: &str, other: &str| -> Result<Option<String>, Problem> {
        let given = form.filled(one)?.or(form.filled(other)?).map(str::trim);
        Ok(given.filter(|text| !text.is_empty()).map(str::to_owned))
    };
    let title = either("merge_title_field", "MergeTitleField")?.unwrap_or_else(|| usual(at.issue, at.pull, style));
    Ok(match either("merge_message_field", "MergeMessageField")? {
        Some(text) => format!("{title}\n\n{text}"),
        None => title,
    })
}

fn usual(issue: &Issue, pull: &Pull, style: MergeStyle) -> String {
    let Issue { title, number, .. } = issue;
    match style {
        MergeStyle::Merge => {
            let Pull { head, base, .. } = pull;
            format!("Merge pull request '{title}' (#{number}) from {head} into {base}")
        }
        MergeStyle::Squash | MergeStyle::Rebase => format!("{title} (#{number})"),
    }
}

/// What the merge itself ran into: the fields of Gitea's own error, and no message.
fn conflict(form: &Form, paths: &[String]) -> Response<Body> {
    let output: String = paths
        .iter()
        .map(|path| format!("CONFLICT (content): Merge conflict in {path}\n"))
        .collect();
    let body = json!({
        "Style": form.value("do"), "CommitSHA": "", "StdOut": output, "StdErr": "", "Err": {},
    });
    (StatusCode::CONFLICT, Json(body)).into_response()
}
