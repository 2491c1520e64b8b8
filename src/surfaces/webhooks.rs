//! Webhooks: where providers send what happens.
//!
//! Invariant: whoever does not prove where it comes from is told no more than that: not what was wrong with the proof, nor
//! whether an instance is there that takes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::problem::Problem;
use super::request_id::RequestId;
use super::rest::{method_not_allowed, not_found};
use crate::bus::Came;

/// How long a delivery may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most KiB of an instance's deliveries that are on their way in: who floods one instance floods no other.
const ROOM_KIB: usize = 16 << 10;
/// When a sender that is refused for want of room shall come again.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// Takes the deliveries of one instance, once they have come: their headers and bytes.
pub type Take = Box<dyn FnOnce(HeaderMap, Bytes) -> BoxFuture<Result<Taken, Failure>> + Send>;
/// Finds where deliveries come, by the instance's name and what stands behind it in the path.
pub type Find = Arc<dyn Fn(&str, Option<&str>) -> Result<Take, Failure> + Send + Sync>;

/// Counts a delivery that was refused before it was given to its instance.
pub type Count = Arc<dyn Fn(Came) + Send + Sync>;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its events are kept.
    Kept,
    /// It had come before.
    Repeated,
}

struct Webhooks {
    find: Find,
    count: Count,
    max_body: usize,
    /// By instances that are there.
    rooms: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// The routes: `/webhooks/{instance}`, and the same with a secret behind it.
pub fn router(find: Find, count: Count, max_body: usize) -> Router {
    let webhooks = Arc::new(Webhooks {
        find,
        count,
        max_body,
        rooms: Mutex::default(),
    });
    Router::new()
        .route("/webhooks/{instance}", post(open))
        .route("/webhooks/{instance}/{secret}", post(secret))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(webhooks)
}

async fn open(State(webhooks): State<Arc<Webhooks>>, Path(instance): Path<String>, request: Request<Body>) -> Response {
    webhooks.answer(&instance, None, request).await
}

async fn secret(
    State(webhooks): State<Arc<Webhooks>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request<Body>,
) -> Response {
    match path {
        Ok(Path((instance, secret))) => webhooks.answer(&instance, Some(&secret), request).await,
        Err(_) => not_found(request).await,
    }
}

impl Webhooks {
    async fn answer(&self, instance: &str, secret: Option<&str>, request: Request<Body>) -> Response {
        let id = RequestId::given(request.extensions());
        let (parts, body) = request.into_parts();
        match self.take(instance, secret, parts.headers, body).await {
            Ok(taken) => {
                let answer = json!({ "repeated": taken == Taken::Repeated });
                (StatusCode::OK, axum::Json(answer)).into_response()
            }
            Err(problem) => problem.response(&id),
        }
    }

    async fn take(
        &self,
        instance: &str,
        secret: Option<&str>,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Taken, Problem> {
        let take = (self.find)(instance, secret)?;
        let late = |_| Problem::from(Failure::invalid("body", "the delivery did not come in time"));
        let read = timeout(PATIENCE, self.read(&self.room(instance), body))
            .await
            .map_err(late)
            .flatten();
        let (bytes, _room) = read.inspect_err(|problem| {
            (self.count)(match problem.status() {
                StatusCode::TOO_MANY_REQUESTS => Came::Full,
                _ => Came::Unread,
            });
        })?;
        Ok(take(headers, bytes).await?)
    }

    fn room(&self, instance: &str) -> Arc<Semaphore> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Semaphore::new(ROOM_KIB.max(self.max_body >> 10) + 1));
        rooms.entry(instance.to_owned()).or_insert_with(made).clone()
    }

    /// Room is taken as bytes come: who announces many and sends few holds little.
    async fn read(
        &self,
        room_of: &Arc<Semaphore>,
        mut body: Body,
    ) -> Result<(Bytes, Vec<tokio::sync::OwnedSemaphorePermit>), Problem> {
        let full = |_| Failure::new(Kind::RateLimited, "more deliveries come than may").after(COME_AGAIN);
        let mut room = vec![room_of.clone().try_acquire_owned().map_err(full)?];
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let broken = |_| Failure::invalid("body", "the delivery broke off before its end");
            let Ok(data) = frame.map_err(broken)?.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > self.max_body {
                return Err(Problem::too_large(self.max_body));
            }
            bytes.extend_from_slice(&data);
            let short = (bytes.len() >> 10).saturating_sub(room.iter().map(|permit| permit.num_permits()).sum());
            if let Some(short) = u32::try_from(short).ok().filter(|short| *short > 0) {
                room.push(room_of.clone().try_acquire_many_owned(short).map_err(full)?);
            }
        }
        Ok((bytes.freeze(), room))
    }
}
