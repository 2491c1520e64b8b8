//! What CI says of commits.
//!
//! Invariant: the combined state is that of the page that is asked for; of a commit of which nobody spoke it is `pending`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::answer::{Named, created};
use super::form::Form;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{Commit, PullAt, Refused, Repo, State as Forge, Status, What};
use crate::sandbox::kit::query::Params;

/// All that hangs on a ref, whose slashes may be escaped or not.
pub(crate) async fn of_ref(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, path)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let (revision, what) = path.rsplit_once('/').ok_or_else(Problem::not_found)?;
    let commit = || -> Result<&Commit, Problem> {
        let missing = || {
            let message = format!("object does not exist [id: {revision}, rel_path: ]");
            Problem::new(StatusCode::NOT_FOUND, message)
        };
        Ok(repo.resolve(Some(revision)).ok_or_else(missing)?)
    };
    match what {
        "status" => Ok(combined(&gitea, &state, repo, commit()?, &uri)),
        "statuses" => Ok(all(&gitea, repo, &commit()?.id, &uri)),
        "pull" => merged_by(&gitea, &state, repo, revision),
        _ => Err(Problem::not_found()),
    }
}

/// The last word of each context.
fn combined(gitea: &Gitea, state: &Forge, repo: &Repo, commit: &Commit, uri: &Uri) -> Response<Body> {
    let statuses = repo.latest_statuses(&commit.id);
    let shown = page::PAGING.slice(uri, &statuses);
    let any = |words: &[&str]| shown.iter().any(|status| words.contains(&status.state.as_str()));
    let word = match () {
        () if shown.is_empty() => "pending",
        () if any(&["error", "failure", "warning"]) => "failure",
        () if any(&["pending"]) => "pending",
        () => "success",
    };
    let links = gitea.links();
    let url = format!("{}/commits/{}", links.api_repo(&repo.full_name), commit.id);
    let rows: Vec<Value> = shown.iter().map(|status| links.status(repo, status)).collect();
    let answer = Json(json!({
        "state": word,
        "sha": commit.id,
        "total_count": rows.len(),
        "statuses": if rows.is_empty() { Value::Null } else { rows.into() },
        "repository": links.repo(state, repo),
        "commit_url": url,
        "url": format!("{url}/status"),
    }))
    .into_response();
    page::wrapped(answer, &gitea.instance.origin, uri, statuses.len())
}

/// All words, newest first.
fn all(gitea: &Gitea, repo: &Repo, commit: &str, uri: &Uri) -> Response<Body> {
    let params = Params::of(uri);
    let mut statuses = repo.statuses_of(commit);
    if let Some(word) = params.get("state").filter(|word| !word.is_empty()) {
        statuses.retain(|status| status.state == word);
    }
    if matches!(params.get("sort"), Some("oldest" | "leastindex" | "leastupdate")) {
        statuses.reverse();
    }
    let links = gitea.links();
    page::answer(&gitea.instance.origin, uri, &statuses, |status| {
        links.status(repo, status)
    })
}

/// The pull request whose merge this commit is.
fn merged_by(gitea: &Gitea, state: &Forge, repo: &Repo, commit: &str) -> Result<Response<Body>, Problem> {
    let merged = repo.issues.iter().find(|issue| {
        let merge = issue.pull.as_ref().and_then(|pull| pull.merged.as_ref());
        merge.is_some_and(|merge| merge.commit == commit)
    });
    let at = merged.and_then(|issue| PullAt::find(state, repo, issue.number));
    let at = at.ok_or_else(Problem::not_found)?;
    Ok(Json(gitea.links().full_pull(&at)?).into_response())
}

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, commit)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    Ok(all(&gitea, state.named(&owner, &name)?, &commit, &uri))
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, commit)): Path<(String, String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?.id;
    let form = Form::read(&body)?;
    let given = |field| form.filled(field).map(|text| text.map(str::to_owned));
    let draft = Status {
        id: 0,
        commit,
        state: form.text("state")?.unwrap_or_default().to_owned(),
        context: form.text("context")?.unwrap_or_default().to_owned(),
        description: given("description")?,
        target_url: given("target_url")?,
        creator: "",
        created_at: String::new(),
    };
    let status = state.create_status(repo, draft).map_err(|reason| match reason {
        // A commit that there is not was not foreseen.
        Refused::Missing(What::Commit) => Problem::internal(),
        other => other.into(),
    })?;
    Ok(created(gitea.links().status(state.by_id(repo)?, &status)))
}
