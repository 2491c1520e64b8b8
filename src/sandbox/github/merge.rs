//! The merge of a pull request.
//!
//! Invariant: 405 tells that it cannot be merged, 409 that the caller has not seen its head.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

use super::GitHub;
use super::body::Input;
use super::problem::Problem;
use super::pulls::at;
use crate::sandbox::forge::{MergeStyle, Merging, PullAt, Refused};

pub(crate) async fn merge(
    State(github): State<Arc<GitHub>>,
    Path(path): Path<(String, String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read_optional(&body, "PullRequest")?;
    let style = match input.text("merge_method")? {
        None | Some("merge") => MergeStyle::Merge,
        Some("squash") => MergeStyle::Squash,
        Some("rebase") => MergeStyle::Rebase,
        Some(_) => return Err(input.wrong("merge_method")),
    };
    let mut state = github.state();
    let at = at(&state, &path)?;
    let (repo, number) = (at.repo.id, at.issue.number);
    let message = message(&at, style, input.text("commit_title")?, input.text("commit_message")?);
    let merging = Merging {
        style,
        head: input.text("sha")?.filter(|head| !head.is_empty()),
        message: &message,
    };
    let commit = state.merge_pull(repo, number, &merging).map_err(refused)?;
    let answer = json!({ "sha": commit, "merged": true, "message": "Pull Request successfully merged" });
    Ok(Json(answer).into_response())
}

fn message(at: &PullAt<'_>, style: MergeStyle, title: Option<&str>, text: Option<&str>) -> String {
    let number = at.issue.number;
    let usual = match style {
        MergeStyle::Merge => format!(
            "Merge pull request #{number} from {}/{}",
            at.pull.head_owner, at.pull.head
        ),
        _ => format!("{} (#{number})", at.issue.title),
    };
    let usual_text = if style == MergeStyle::Merge {
        at.issue.title.as_str()
    } else {
        ""
    };
    let (title, text) = (title.unwrap_or(&usual), text.unwrap_or(usual_text));
    match text.is_empty() {
        true => title.to_owned(),
        false => format!("{title}\n\n{text}"),
    }
}

fn refused(reason: Refused) -> Problem {
    let not_allowed = |message| Problem::new(StatusCode::METHOD_NOT_ALLOWED, message);
    match reason {
        Refused::Stale(_) => {
            let message = "Head branch was modified. Review and try the merge again.";
            Problem::new(StatusCode::CONFLICT, message)
        }
        Refused::Draft => not_allowed("Pull Request is still a draft"),
        Refused::Conflict(_) | Refused::Merged | Refused::Closed | Refused::NothingBetween => {
            not_allowed("Pull Request is not mergeable")
        }
        other => other.into(),
    }
}
