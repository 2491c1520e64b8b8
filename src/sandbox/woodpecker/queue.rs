//! What waits for an agent, and what agents work on.
//!
//! Invariant: the queue shows exactly the workflows of pipelines that are pending or running.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State as Of;
use axum::response::IntoResponse;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::Woodpecker;
use super::stage::Stage;
use super::state::{Pipeline, Repo, State};
use super::steps::WORKFLOWS;

pub(crate) async fn info(Of(woodpecker): Of<Arc<Woodpecker>>) -> Json<Value> {
    let state = woodpecker.state();
    let (pending, running) = (tasks(&state, Stage::Pending), tasks(&state, Stage::Running));
    Json(json!({
        "pending": null_if_empty(&pending),
        "waiting_on_deps": null,
        "running": null_if_empty(&running),
        "stats": {
            "worker_count": 1,
            "pending_count": pending.len(),
            "waiting_on_deps_count": 0,
            "running_count": running.len(),
        },
        "paused": state.paused,
    }))
}

/// A list without entries is nil in Go.
fn null_if_empty(tasks: &[Value]) -> Value {
    if tasks.is_empty() { Value::Null } else { tasks.into() }
}

fn tasks(state: &State, stage: Stage) -> Vec<Value> {
    let pipelines = state
        .repos
        .iter()
        .flat_map(|repo| repo.pipelines.iter().map(move |pipeline| (repo, pipeline)));
    let there = pipelines.filter(|(_, pipeline)| pipeline.progress.steps_stage() == stage);
    there
        .flat_map(|(repo, pipeline)| workflows(repo, pipeline, stage))
        .collect()
}

fn workflows(repo: &Repo, pipeline: &Pipeline, stage: Stage) -> Vec<Value> {
    let task = |((name, _), pid): (&(&str, _), u64)| {
        let agent = u64::from(stage == Stage::Running);
        json!({
            "id": (pipeline.id * 2 + pid).to_string(),
            "pid": pid,
            "name": name,
            "labels": { "platform": "linux/amd64", "repo": repo.full_name },
            "dependencies": null,
            "run_on": null,
            "dep_status": {},
            "agent_id": agent,
            "agent_name": if agent > 0 { "agent-1" } else { "" },
            "pipeline_id": pipeline.id,
            "pipeline_number": pipeline.number,
            "repo_id": repo.id,
            "created": pipeline.created_s,
        })
    };
    WORKFLOWS.iter().zip(1..).map(task).collect()
}

pub(crate) async fn pause(Of(woodpecker): Of<Arc<Woodpecker>>) -> Response<Body> {
    woodpecker.state().paused = true;
    StatusCode::NO_CONTENT.into_response()
}

pub(crate) async fn resume(Of(woodpecker): Of<Arc<Woodpecker>>) -> Response<Body> {
    woodpecker.state().paused = false;
    StatusCode::NO_CONTENT.into_response()
}
