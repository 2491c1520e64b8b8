//! The queue: its list, one item of it, and taking one out.
//!
//! Invariant: an item's own address is no page; only its `api/json` answers.

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::Asked;
use super::object::Object;
use super::objects::{View, actions};
use super::problem::Problem;
use super::state::{Phase, Queued};
use super::tree::{Ask, Rank};
use super::{Answer, Jenkins};

impl View<'_> {
    /// All that wait.
    fn queue(&self, ask: Ask<'_>) -> Value {
        let waiting: Vec<&Queued> = self
            .state
            .queue
            .iter()
            .filter(|item| item.phase == Phase::Waiting)
            .collect();
        Object::new(ask, "hudson.model.Queue")
            .put("discoverableItems", json!([]))
            .list("items", Rank::Usual, &waiting, |item, ask| self.queued(item, ask))
            .done()
    }

    /// An item of the queue, also one that has left it.
    pub fn queued(&self, queued: &Queued, ask: Ask<'_>) -> Value {
        let waits = queued.phase == Phase::Waiting;
        let class = if waits {
            "hudson.model.Queue$WaitingItem"
        } else {
            "hudson.model.Queue$LeftItem"
        };
        let why = match (waits, self.state.quieting) {
            (false, _) => Value::Null,
            (true, false) => "In the quiet period. Expires in 4.9 sec".into(),
            (true, true) => "Jenkins is about to shut down".into(),
        };
        let item = self.state.items.get(&queued.job);
        let parameters = queued.parameters.iter();
        let lines: String = parameters.clone().map(|parameter| parameter.line()).collect();
        let mut object = Object::new(ask, class);
        object
            .brief("id", queued.id)
            .put(
                "actions",
                actions(&queued.user, parameters.map(|parameter| parameter.shown())),
            )
            .put("blocked", false)
            .put("buildable", false)
            .put("inQueueSince", queued.since_ms)
            .put("params", lines)
            .put("stuck", false)
            .nested("task", Rank::Usual, |ask| {
                item.map_or(Value::Null, |item| self.item(item, ask))
            })
            .put("url", format!("queue/item/{}/", queued.id))
            .put("why", why);
        match queued.phase {
            Phase::Waiting => object.put("timestamp", queued.since_ms + 5_000),
            Phase::Cancelled => object.put("cancelled", true).put("executable", Value::Null),
            Phase::Left(number) => object.put("cancelled", false).nested("executable", Rank::Usual, |ask| {
                let build = item.and_then(|item| Some((item, item.build(number)?)));
                build.map_or(Value::Null, |(item, build)| self.build(item, build, ask))
            }),
        };
        object.done()
    }
}

pub(crate) fn list(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let state = jenkins.state();
    asked.json(&state, |view, ask| view.queue(ask))
}

/// One item, which moves on by being read.
pub(crate) fn item(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    let id = asked.place.rest[2].parse().map_err(|_| Problem::not_found())?;
    let queued = state
        .read_queued(id, asked.now_ms)
        .cloned()
        .ok_or_else(Problem::not_found)?;
    asked.json(&state, |view, ask| view.queued(&queued, ask))
}

pub(crate) fn cancel(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let id = asked
        .parameter("id")
        .ok_or_else(|| Problem::of(StatusCode::BAD_REQUEST))?;
    let id = id.parse().map_err(|_| Problem::of(StatusCode::BAD_REQUEST))?;
    match jenkins.state().cancel(id) {
        None => Err(Problem::not_found()),
        Some(true) => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(false) => Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response()),
    }
}
