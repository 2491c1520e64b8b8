//! Commits, and what lies between two of them.
//!
//! Invariant: an empty repository answers 409 to whoever lists its commits.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::answer::Named;
use super::objects::commit::Detail;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{Comparison, Refused, Repo, State as Forge, seconds};
use crate::sandbox::kit::page::{Page, Paging};
use crate::sandbox::kit::query::Params;

/// The commits of a path come in pages of this size, whatever is asked for.
const OF_PATH: Paging = Paging {
    size: "",
    default: 50,
    max: 50,
    ..page::PAGING
};

/// What a request wants to see of commits: all, unless it says otherwise.
fn detail(params: &Params) -> Detail {
    let wants = |name| {
        params
            .get(name)
            .is_none_or(|flag| matches!(flag, "" | "true" | "1" | "on"))
    };
    Detail {
        stat: wants("stat"),
        files: wants("files"),
        verification: wants("verification"),
    }
}

/// A time in the query, which must be one.
fn time(params: &Params, name: &str) -> Result<Option<String>, Problem> {
    let Some(text) = params.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let refused = || Problem::invalid(format!("invalid '{name}' format, expected ISO 8601 (RFC3339)"));
    seconds(text).map(Some).ok_or_else(refused)
}

fn missing(revision: &str) -> Problem {
    let message = format!("object does not exist [id: {revision}, rel_path: ]");
    Problem::new(StatusCode::NOT_FOUND, message)
}

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let (since, until) = (time(&params, "since")?, time(&params, "until")?);
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    if repo.is_empty() {
        return Err(Refused::Empty.into());
    }
    let given = |name| params.get(name).filter(|text| !text.is_empty());
    let from = repo
        .resolve(given("sha"))
        .ok_or_else(|| missing(given("sha").unwrap_or_default()))?;
    let path = given("path").map(|path| path.trim_matches('/'));
    let mut commits = match path {
        None => repo.history.log(&from.id),
        Some(path) => repo.log_of(from, path),
    };
    if path.is_some() && commits.is_empty() {
        return Err(Problem::not_found());
    }
    if let Some(not) = given("not").and_then(|not| repo.resolve(Some(not))) {
        let behind = repo.history.log(&not.id);
        commits.retain(|commit| !behind.iter().any(|other| other.id == commit.id));
    }
    commits.retain(|commit| since.as_ref().is_none_or(|since| commit.committer.at >= *since));
    commits.retain(|commit| until.as_ref().is_none_or(|until| commit.committer.at <= *until));
    let paging = if path.is_some() { &OF_PATH } else { &page::PAGING };
    let (links, detail) = (gitea.links(), detail(&params));
    let answer = paging.answer(&gitea.instance.origin, &uri, &commits, |commit| {
        links.commit(repo, commit, detail)
    });
    Ok(paged(
        page::counted(answer, commits.len()),
        paging.page(&params),
        commits.len(),
    ))
}

/// The headers by which older clients know the page.
fn paged(mut response: Response<Body>, page: Page, total: usize) -> Response<Body> {
    let pages = total.div_ceil(page.size);
    let mut set = |name, value| response.headers_mut().insert(HeaderName::from_static(name), value);
    set("x-page", HeaderValue::from(page.number));
    set("x-perpage", HeaderValue::from(page.size));
    set("x-total", HeaderValue::from(total));
    set("x-pagecount", HeaderValue::from(pages));
    let more = if page.number < pages { "true" } else { "false" };
    set("x-hasmore", HeaderValue::from_static(more));
    response
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, revision)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let plain = |c: char| !c.is_ascii_control() && !matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    if !revision.chars().all(plain) || revision.contains("..") {
        return Err(Problem::invalid(format!("no valid ref or sha: {revision}")));
    }
    let missing = || Problem::new(StatusCode::NOT_FOUND, format!("commit doesn't exist: {revision}"));
    let commit = repo.resolve(Some(&revision)).ok_or_else(missing)?;
    let detail = detail(&Params::of(&uri));
    Ok(Json(gitea.links().commit(repo, commit, detail)).into_response())
}

/// Commits alone, newest first and all at once: neither files nor how far the two are apart.
pub(crate) async fn compare(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, pair)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let (base, head) = pair
        .split_once("...")
        .or_else(|| pair.split_once(".."))
        .ok_or_else(Problem::not_found)?;
    let found = between(&state, repo, base, head)?;
    let links = gitea.links();
    let commits = found.ahead.iter().rev();
    let commits: Vec<Value> = commits.map(|commit| links.commit(repo, commit, Detail::ALL)).collect();
    Ok(Json(json!({ "total_commits": commits.len(), "commits": commits })).into_response())
}

/// Compares a revision with another, which may be a relative's: `owner:branch`.
fn between(state: &Forge, repo: &Repo, base: &str, head: &str) -> Result<Comparison, Problem> {
    let base = if base.is_empty() {
        repo.default_branch.as_str()
    } else {
        base
    };
    let (owner, head) = head.split_once(':').unwrap_or((&repo.owner, head));
    if repo.owner.eq_ignore_ascii_case(owner) {
        return repo.compare(base, head).map_err(|_| Problem::not_found());
    }
    let relative = state.relative(repo, owner).ok_or_else(Problem::not_found)?;
    let head = relative.resolve(Some(head)).ok_or_else(Problem::not_found)?;
    let mut both = repo.clone();
    both.history.import(&relative.history, &head.id);
    both.compare(base, &head.id).map_err(|_| Problem::not_found())
}
