//! Pull requests: read, opened, changed.
//!
//! Invariant: whether one can be merged is unknown to the first who asks after a side moved.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, Response, Uri};
use serde_json::Value;

use super::answer::{Named, created, number};
use super::body::Input;
use super::patch::{self, Form};
use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::{PullAt, PullDraft, PullEdit, Refused, Repo, State as Forge, What};
use crate::sandbox::kit::query::Params;

/// The most files that GitHub lists of a pull request.
const MAX_FILES: usize = 3_000;
/// The most commits.
const MAX_COMMITS: usize = 250;

type At = Path<(String, String, String)>;

/// The pull request that a path names.
pub(crate) fn at<'a>(state: &'a Forge, path: &(String, String, String)) -> Result<PullAt<'a>, Problem> {
    let (owner, name, index) = path;
    let repo = state.named(owner, name)?;
    PullAt::find(state, repo, number(index)?).ok_or_else(Problem::not_found)
}

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let open = match params.get("state").unwrap_or("open") {
        "open" => Some(true),
        "closed" => Some(false),
        "all" => None,
        other => return Err(Problem::invalid("PullRequest", "state", other)),
    };
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let (head, base) = (params.get("head"), params.get("base"));
    let wanted = |at: &PullAt<'_>| {
        let label = format!("{}:{}", at.pull.head_owner, at.pull.head);
        // Without an owner, a head is passed over.
        let head = head.filter(|head| head.contains(':'));
        open.is_none_or(|open| at.issue.open == open)
            && head.is_none_or(|head| label == head)
            && base.is_none_or(|base| at.pull.base == base)
    };
    let pulls = repo
        .issues
        .iter()
        .filter_map(|issue| PullAt::find(&state, repo, issue.number));
    let mut pulls: Vec<_> = pulls.filter(wanted).collect();
    if matches!(params.get("sort"), Some("updated" | "popularity" | "long-running")) {
        pulls.sort_by(|a, b| a.issue.updated_at.cmp(&b.issue.updated_at));
    }
    let rising = match params.get("sort") {
        None | Some("created") => params.get("direction") == Some("asc"),
        Some(_) => params.get("direction") != Some("desc"),
    };
    if !rising {
        pulls.reverse();
    }
    let links = github.links();
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &pulls, |at| links.pull(at)))
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let mut state = github.state();
    let at = at(&state, &path)?;
    let brought = at.repo.brought_by(at.pull)?;
    match Form::asked(&headers) {
        Form::Json | Form::Id => {}
        Form::Diff => return Ok(patch::text("diff", patch::diff(&brought.files))),
        Form::Patch => {
            let files: Vec<_> = brought.ahead.iter().map(|commit| at.repo.changes_of(commit)).collect();
            let commits: Vec<_> = brought.ahead.iter().map(|commit| &**commit).zip(&files).collect();
            return Ok(patch::text("patch", patch::mail(&commits)));
        }
    }
    let answer = github.links().full_pull(&at)?;
    let (repo, number) = (at.repo.id, at.issue.number);
    state.ask_mergeable(repo, number);
    Ok(Json(answer).into_response())
}

pub(crate) async fn files(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let at = at(&state, &path)?;
    let mut files = at.repo.brought_by(at.pull)?.files;
    files.truncate(MAX_FILES);
    let links = github.links();
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &files, |file| {
        links.change(&at.repo.full_name, &at.pull.head_id, file)
    }))
}

pub(crate) async fn commits(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let at = at(&state, &path)?;
    let mut commits = at.repo.brought_by(at.pull)?.ahead;
    commits.truncate(MAX_COMMITS);
    let links = github.links();
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &commits, |commit| {
        links.commit(&at.repo.full_name, commit)
    }))
}

pub(crate) async fn create(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "PullRequest")?;
    let (title, base) = (input.required("title")?, input.required("base")?);
    let head = input.required("head")?;
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    let (head_repo, branch) =
        head_of(&state, repo, head, input.text("head_repo")?).ok_or_else(|| input.wrong("head"))?;
    let draft = PullDraft {
        title,
        body: input.text("body")?,
        head_repo,
        head: branch,
        base,
        draft: input.flag("draft")?.unwrap_or_default(),
    };
    if !repo.branches.contains_key(base) {
        return Err(input.wrong("base"));
    }
    let (repo, label) = (repo.id, format!("{}:{branch}", state.by_id(head_repo)?.owner));
    let number = state.create_pull(repo, &draft).map_err(|reason| match reason {
        Refused::Exists(_) => Problem::custom_of("PullRequest", &format!("A pull request already exists for {label}.")),
        Refused::NothingBetween => {
            Problem::custom_of("PullRequest", &format!("No commits between {base} and {branch}"))
        }
        Refused::Unrelated | Refused::Missing(What::Branch) => input.wrong("head"),
        other => other.into(),
    })?;
    answer(&github, &state, repo, number).map(created)
}

/// The repository and the branch of a head: `branch`, `owner:branch`, or either with the repository's name beside.
fn head_of<'a>(state: &Forge, base: &Repo, head: &'a str, name: Option<&str>) -> Option<(u64, &'a str)> {
    let (owner, branch) = head.split_once(':').unwrap_or((&base.owner, head));
    if let Some(name) = name {
        let name = name.rsplit('/').next().unwrap_or(name);
        return state.repo(owner, name).map(|repo| (repo.id, branch));
    }
    if base.owner.eq_ignore_ascii_case(owner) {
        return Some((base.id, branch));
    }
    state.relative(base, owner).map(|repo| (repo.id, branch))
}

pub(crate) async fn edit(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read_optional(&body, "PullRequest")?;
    let open = match input.text("state")? {
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => return Err(input.wrong("state")),
        None => None,
    };
    let title = input.text("title")?.map(str::to_owned);
    if title.as_ref().is_some_and(|title| title.trim().is_empty()) {
        return Err(Problem::field("PullRequest", "title", "missing_field"));
    }
    let edit = PullEdit {
        title,
        body: match input.value("body") {
            Value::Null => None,
            _ => Some(input.text("body")?.map(str::to_owned)),
        },
        open,
        base: input.text("base")?.map(str::to_owned),
        draft: None,
    };
    let mut state = github.state();
    let at = at(&state, &path)?;
    let (repo, number) = (at.repo.id, at.issue.number);
    let reopens = open == Some(true);
    state.edit_pull(repo, number, edit).map_err(|reason| match reason {
        Refused::Merged => Problem::custom("PullRequest", "state", "state cannot be changed. It was merged."),
        Refused::Missing(What::Branch) if reopens => Problem::custom(
            "PullRequest",
            "state",
            "state cannot be changed. The branch was deleted.",
        ),
        Refused::Missing(What::Branch) => input.wrong("base"),
        other => other.into(),
    })?;
    answer(&github, &state, repo, number).map(|answer| Json(answer).into_response())
}

fn answer(github: &GitHub, state: &Forge, repo: u64, number: u64) -> Result<Value, Problem> {
    let repo = state.by_id(repo)?;
    let at = PullAt::find(state, repo, number).ok_or_else(Problem::not_found)?;
    Ok(github.links().full_pull(&at)?)
}
