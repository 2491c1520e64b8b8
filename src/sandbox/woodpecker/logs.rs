//! Logs: as entries, as text, as a stream of events, and their end.
//!
//! Invariant: the entries of a stream have the numbers 1, 2, 3 …, whenever it is opened, so that it can be resumed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State as Of};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Woodpecker;
use super::control::no_content;
use super::pipelines::{Answer, id};
use super::problem::Problem;
use super::stage::Stage;
use super::state::{Pipeline, State};
use super::steps::Step;

/// The last frame of a stream that came to its end.
const EOF: &[u8] = b"event: eof\ndata: eof\n\n";
/// What a stream opens with, so that the answer's head is sent.
const PING: &[u8] = b": ping\n\n";
/// What is said of a step that prints no more.
const NOT_RUNNING: &[u8] = b"event: error\ndata: step not running (anymore)\n\n";

/// Repository, pipeline and step of a path.
type Of3 = Path<(String, String, String)>;

/// The pipeline and the step of a path.
fn find<'a>(
    state: &'a mut State,
    (repo, number, step): &(String, String, String),
) -> Result<(&'a mut Pipeline, Step), Problem> {
    let repo = state.repo_mut(id(repo)?).ok_or_else(Problem::not_found)?;
    let pipeline = repo.pipeline_mut(id(number)?).ok_or_else(Problem::not_found)?;
    let step = Step::of_id(pipeline, id(step)?).ok_or_else(Problem::not_found)?;
    Ok((pipeline, step))
}

/// The entries; none at all is `null`, as Go writes a list that was never made.
pub(crate) async fn list(Of(woodpecker): Of<Arc<Woodpecker>>, Path(path): Of3) -> Answer {
    let mut state = woodpecker.state();
    let (pipeline, step) = find(&mut state, &path)?;
    let log = step.log(pipeline, &woodpecker.instance.name);
    let log = if log.is_empty() { Value::Null } else { Value::Array(log) };
    Ok(Json(log).into_response())
}

pub(crate) async fn download(Of(woodpecker): Of<Arc<Woodpecker>>, Path(path): Of3) -> Answer {
    let mut state = woodpecker.state();
    let (pipeline, step) = find(&mut state, &path)?;
    let name = format!(
        "attachment; filename=\"pipeline-{}-step-{}.log\"",
        pipeline.number,
        step.id(pipeline)
    );
    let mut response = step.text(pipeline, &woodpecker.instance.name).into_response();
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Deletes the logs of a pipeline.
pub(crate) async fn delete(
    Of(woodpecker): Of<Arc<Woodpecker>>,
    Path((repo_id, number)): Path<(String, String)>,
) -> Answer {
    let mut state = woodpecker.state();
    let repo = state.repo_mut(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    let pipeline = repo.pipeline_mut(id(&number)?).ok_or_else(Problem::not_found)?;
    if pipeline.progress.steps_stage() != Stage::Over {
        let reason = "Cannot delete logs for a pending or running pipeline";
        return Err(Problem::text(StatusCode::UNPROCESSABLE_ENTITY, reason));
    }
    pipeline.without_log = Step::all().map(|step| step.id(pipeline)).collect();
    Ok(no_content())
}

/// Deletes the log of one step.
pub(crate) async fn delete_step(Of(woodpecker): Of<Arc<Woodpecker>>, Path(path): Of3) -> Answer {
    let mut state = woodpecker.state();
    let (pipeline, step) = find(&mut state, &path)?;
    if step.stage(pipeline) != Stage::Over {
        let reason = "Cannot delete logs for a pending or running step";
        return Err(Problem::text(StatusCode::UNPROCESSABLE_ENTITY, reason));
    }
    let id = step.id(pipeline);
    pipeline.without_log.insert(id);
    Ok(no_content())
}

/// The entries of a step that runs, one event each. What the last one known stands before is not sent again.
pub(crate) async fn follow(Of(woodpecker): Of<Arc<Woodpecker>>, Path(path): Of3, headers: HeaderMap) -> Response<Body> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let last = last.and_then(|value| value.trim().parse().ok()).unwrap_or_default();
    match Followed::open(&woodpecker, path, last) {
        Ok(followed) => events(Body::from_stream(stream::unfold(followed, Followed::next))),
        // The answer has begun: whatever is wrong comes as an event.
        Err(frame) => events(Body::from(frame)),
    }
}

fn events(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A stream under way.
struct Followed {
    woodpecker: Arc<Woodpecker>,
    path: (String, String, String),
    frames: VecDeque<Bytes>,
    first: bool,
    /// Of a step that does not end by itself: when something changes.
    changed: Option<watch::Receiver<()>>,
    ended: bool,
}

impl Followed {
    /// Opens one, or answers the frame that says why not. A pipeline that waits begins to run.
    fn open(woodpecker: &Arc<Woodpecker>, path: (String, String, String), last: usize) -> Result<Self, Bytes> {
        let mut state = woodpecker.state();
        let changed = state.changed.subscribe();
        let Ok((pipeline, step)) = find(&mut state, &path) else {
            return Err(Bytes::from_static(b"event: error\ndata: stream not found\n\n"));
        };
        if step.stage(pipeline) == Stage::Over {
            return Err(Bytes::from_static(NOT_RUNNING));
        }
        while pipeline.progress.stage() == Stage::Pending {
            pipeline.progress.read(Timestamp::now().as_second());
        }
        let entries = step.streamed(pipeline, &woodpecker.instance.name);
        let frame = |(number, entry): (usize, Value)| Bytes::from(format!("id: {number}\ndata: {entry}\n\n"));
        let mut frames: VecDeque<Bytes> = (1..).zip(entries).skip(last).map(frame).collect();
        frames.push_front(Bytes::from_static(PING));
        Ok(Self {
            woodpecker: woodpecker.clone(),
            path,
            frames,
            first: true,
            changed: pipeline.progress.holds().then_some(changed),
            ended: false,
        })
    }

    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if let Some(frame) = self.frames.pop_front() {
            let pace = self.woodpecker.instance.chunk_pace;
            if !std::mem::take(&mut self.first) && !pace.is_zero() {
                sleep(pace).await;
            }
            return Some((Ok(frame), self));
        }
        if self.ended {
            return None;
        }
        self.ended = true;
        if let Some(mut changed) = self.changed.take() {
            // Who cancels it wakes us; the server's end drops us.
            while self.holds() && changed.changed().await.is_ok() {}
        }
        self.finish();
        Some((Ok(Bytes::from_static(EOF)), self))
    }

    fn holds(&self) -> bool {
        let mut state = self.woodpecker.state();
        find(&mut state, &self.path).is_ok_and(|(pipeline, _)| pipeline.progress.holds())
    }

    /// The step was followed to its end, so it has one.
    fn finish(&self) {
        let mut state = self.woodpecker.state();
        if let Ok((pipeline, step)) = find(&mut state, &self.path) {
            let id = step.id(pipeline);
            pipeline.followed.insert(id);
        }
    }
}
