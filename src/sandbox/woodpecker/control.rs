//! What is done to a pipeline: it is repeated, approved, declined, cancelled, deleted.
//!
//! Invariant: an order that does not fit where the pipeline stands changes nothing.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State as Of};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Response, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::json;
use url::form_urlencoded::parse;

use super::pipelines::{Answer, FILTERED, add, filtered, id, planned};
use super::problem::Problem;
use super::stage::{Ending, Progress, Stage};
use super::state::{Pipeline, State};
use super::{Woodpecker, objects};

/// Parameters of a restart that do not become variables.
const NO_VARIABLES: [&str; 3] = ["event", "deploy_to", "fork"];

fn now_s() -> i64 {
    Timestamp::now().as_second()
}

/// The pipeline of a path, to be changed.
fn pipeline<'a>(state: &'a mut State, repo: &str, number: &str) -> Result<&'a mut Pipeline, Problem> {
    let repo = state.repo_mut(id(repo)?).ok_or_else(Problem::not_found)?;
    repo.pipeline_mut(id(number)?).ok_or_else(Problem::not_found)
}

fn refused(verb: &str, pipeline: &Pipeline) -> Problem {
    let status = pipeline.progress.as_str();
    Problem::text(
        StatusCode::BAD_REQUEST,
        format!("cannot {verb} a pipeline with status {status}"),
    )
}

/// Runs it again under a new number. What the query has besides a few words becomes a variable.
pub(crate) async fn restart(
    Of(woodpecker): Of<Arc<Woodpecker>>,
    Path((repo_id, number)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let mut state = woodpecker.state();
    let old = pipeline(&mut state, &repo_id, &number)?.clone();
    if matches!(old.progress.as_str(), "blocked" | "declined") {
        return Err(refused("restart", &old));
    }
    if old.branch.starts_with(FILTERED) {
        return Ok(filtered());
    }
    let given = parse(uri.query().unwrap_or_default().as_bytes()).into_owned();
    let mut variables = old.variables.clone();
    variables.extend(given.filter(|(name, _)| !NO_VARIABLES.contains(&name.as_str())));
    let progress = planned(&variables, true);
    let new = Pipeline {
        event: old.event,
        message: old.message.clone(),
        parent: old.number,
        variables,
        ..Pipeline::new(state.next_id(), old.branch, &old.commit, now_s(), progress)
    };
    add(&mut state, id(&repo_id)?, new)
}

pub(crate) async fn approve(of: Of<Arc<Woodpecker>>, path: Path<(String, String)>) -> Answer {
    review(of, path, "approve", Progress::new(Ending::Success))
}

pub(crate) async fn decline(of: Of<Arc<Woodpecker>>, path: Path<(String, String)>) -> Answer {
    review(of, path, "decline", Progress::stuck(Ending::Declined))
}

fn review(
    Of(woodpecker): Of<Arc<Woodpecker>>,
    Path((repo_id, number)): Path<(String, String)>,
    verb: &str,
    progress: Progress,
) -> Answer {
    let mut state = woodpecker.state();
    let user = state.user;
    let pipeline = pipeline(&mut state, &repo_id, &number)?;
    if !pipeline.progress.is_blocked() {
        return Err(refused(verb, pipeline));
    }
    pipeline.progress = progress;
    pipeline.reviewed_s = now_s();
    Ok(Json(objects::full_pipeline(user, pipeline)).into_response())
}

pub(crate) async fn cancel(
    Of(woodpecker): Of<Arc<Woodpecker>>,
    Path((repo_id, number)): Path<(String, String)>,
) -> Answer {
    let mut state = woodpecker.state();
    let pipeline = pipeline(&mut state, &repo_id, &number)?;
    if !pipeline.progress.cancel(now_s()) {
        let reason = "Cannot cancel a non-running or non-pending or non-blocked pipeline";
        return Err(Problem::text(StatusCode::BAD_REQUEST, reason));
    }
    pipeline.cancelled = true;
    state.changed.send_replace(());
    Ok(no_content())
}

pub(crate) async fn delete(
    Of(woodpecker): Of<Arc<Woodpecker>>,
    Path((repo_id, number)): Path<(String, String)>,
) -> Answer {
    let mut state = woodpecker.state();
    let pipeline = pipeline(&mut state, &repo_id, &number)?;
    if pipeline.progress.steps_stage() != Stage::Over {
        let reason = "Cannot delete pipeline with status pending or running";
        return Err(Problem::text(StatusCode::UNPROCESSABLE_ENTITY, reason));
    }
    let number = pipeline.number;
    let repo = state.repo_mut(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    repo.pipelines.retain(|pipeline| pipeline.number != number);
    Ok(no_content())
}

/// The configuration that it was made of.
pub(crate) async fn config(
    Of(woodpecker): Of<Arc<Woodpecker>>,
    Path((repo_id, number)): Path<(String, String)>,
) -> Answer {
    let mut state = woodpecker.state();
    pipeline(&mut state, &repo_id, &number)?;
    let text = "steps:\n  - name: test\n    image: alpine\n    commands: [make test]\n";
    let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
    let file = json!({ "hash": hash, "name": "test", "data": STANDARD.encode(text) });
    Ok(Json([file]).into_response())
}

pub(crate) fn no_content() -> Response<Body> {
    StatusCode::NO_CONTENT.into_response()
}
