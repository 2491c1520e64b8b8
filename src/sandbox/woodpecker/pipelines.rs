//! Pipelines: their lists, one of them, and the trigger of a new one.
//!
//! Invariant: what a POST answered can be read back under the number that it named.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded::parse;

use super::problem::Problem;
use super::stage::{Ending, Progress};
use super::state::{MAX_CREATED, Pipeline, State as Held};
use super::{Woodpecker, bad_request, objects};
use crate::sandbox::ci;
use crate::sandbox::ci::outcome::Outcome;

/// The size of a page; Woodpecker takes no larger one, and does not say so.
const PAGE_SIZE: usize = 50;
/// Branches whose pipelines the repository's configuration filters out.
pub(crate) const FILTERED: &str = "release/";
pub(crate) type Answer = Result<Response<Body>, Problem>;

pub(crate) async fn list(State(woodpecker): State<Arc<Woodpecker>>, Path(repo_id): Path<String>, uri: Uri) -> Answer {
    let query: BTreeMap<String, String> = parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let text = |name: &str| query.get(name).filter(|value| !value.is_empty());
    let number = |name: &str, or: usize| match text(name) {
        None => Ok(or),
        Some(value) => value
            .parse::<i64>()
            .map_err(bad_request)
            .map(|n| usize::try_from(n).unwrap_or(0)),
    };
    let second = |name: &str| match text(name) {
        None => Ok(None),
        Some(value) => value
            .parse::<Timestamp>()
            .map_err(bad_request)
            .map(|at| Some(at.as_second())),
    };
    let (page, size) = (number("page", 1)?.max(1), number("perPage", PAGE_SIZE)?);
    let size = if (1..=PAGE_SIZE).contains(&size) {
        size
    } else {
        PAGE_SIZE
    };
    let (before, after) = (second("before")?, second("after")?);
    let wanted = |pipeline: &&Pipeline| {
        text("branch").is_none_or(|branch| branch == pipeline.branch)
            && text("event").is_none_or(|events| events.split(',').any(|event| event == pipeline.event))
            && text("status").is_none_or(|status| status == pipeline.progress.as_str())
            && text("ref").is_none_or(|part| format!("refs/heads/{}", pipeline.branch).contains(part.as_str()))
            && before.is_none_or(|before| pipeline.created_s < before)
            && after.is_none_or(|after| pipeline.created_s > after)
    };
    let state = woodpecker.state();
    let repo = state.repo(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    let rows = repo.pipelines.iter().rev().filter(wanted);
    let rows = rows.skip((page - 1).saturating_mul(size)).take(size);
    let rows: Vec<Value> = rows.map(|row| objects::pipeline(state.user, row)).collect();
    Ok(Json(rows).into_response())
}

pub(crate) async fn get(
    State(woodpecker): State<Arc<Woodpecker>>,
    Path((repo_id, number)): Path<(String, String)>,
) -> Answer {
    let mut state = woodpecker.state();
    let user = state.user;
    let repo = state.repo_mut(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    let number = match number.as_str() {
        "latest" => repo.pipelines.last().ok_or_else(Problem::not_found)?.number,
        number => id(number)?,
    };
    let pipeline = repo.pipeline_mut(number).ok_or_else(Problem::not_found)?;
    pipeline.progress.read(Timestamp::now().as_second());
    Ok(Json(objects::full_pipeline(user, pipeline)).into_response())
}

/// The body of a trigger.
#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    branch: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

pub(crate) async fn create(
    State(woodpecker): State<Arc<Woodpecker>>,
    Path(repo_id): Path<String>,
    body: Bytes,
) -> Answer {
    let mut state = woodpecker.state();
    let repo = state.repo(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    // Read as an object first: serde would take a list for one too.
    let body: Map<String, Value> = serde_json::from_slice(&body).map_err(bad_request)?;
    let options: Options = serde_json::from_value(body.into()).map_err(bad_request)?;
    // The forge is asked for the branch's last commit; that it has none is the server's failure here.
    let missing = || Problem::of(StatusCode::INTERNAL_SERVER_ERROR);
    let branch = repo.branch(&options.branch).cloned().ok_or_else(missing)?;
    if branch.name.starts_with(FILTERED) {
        return Ok(filtered());
    }
    let progress = planned(&options.variables, false);
    let now_s = Timestamp::now().as_second();
    let mut pipeline = Pipeline::new(state.next_id(), branch.name, &branch.commit, now_s, progress);
    pipeline.variables = options.variables;
    if !options.message.is_empty() {
        pipeline.message = options.message;
    }
    add(&mut state, id(&repo_id)?, pipeline)
}

/// What becomes of a pipeline with these variables, whether or not it repeats another.
pub(crate) fn planned(variables: &BTreeMap<String, String>, again: bool) -> Progress {
    let outcome = Outcome::of(variables);
    match (outcome, outcome.ending(if again { 2 } else { 1 })) {
        (Outcome::Waits, _) => Progress::stuck(Ending::Blocked),
        (_, None) => Progress::holding(),
        (_, Some(ci::Ending::Failure | ci::Ending::Unstable)) => Progress::new(Ending::Failure),
        (_, Some(ci::Ending::Error)) => Progress::stuck(Ending::Error),
        (_, Some(ci::Ending::Skipped)) => Progress::stuck(Ending::Skipped),
        _ => Progress::new(Ending::Success),
    }
}

/// Adds a pipeline under the repository's next number.
pub(crate) fn add(state: &mut Held, repo: u64, mut pipeline: Pipeline) -> Answer {
    if state.created >= MAX_CREATED {
        let text = format!("This sandbox holds at most {MAX_CREATED} created items; restart it to empty it.");
        return Err(Problem::text(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    let user = state.user;
    let repo = state.repo_mut(repo).ok_or_else(Problem::not_found)?;
    pipeline.number = repo.take_number();
    let answer = objects::full_pipeline(user, &pipeline);
    repo.pipelines.push(pipeline);
    state.created += 1;
    Ok(Json(answer).into_response())
}

/// Nothing ran: a success without content.
pub(crate) fn filtered() -> Response<Body> {
    let name = HeaderName::from_static("pipeline-filtered");
    (StatusCode::NO_CONTENT, [(name, HeaderValue::from_static("true"))]).into_response()
}

pub(crate) fn id(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(bad_request)
}
