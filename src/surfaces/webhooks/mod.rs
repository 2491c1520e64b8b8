//! Webhooks: where providers send what happens.
//!
//! Invariant: whoever does not prove where it comes from is told no more than that: not what was wrong with the proof, nor
//! whether an instance is there that takes nothing; and no body is read that could prove nothing.

mod room;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt as _;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use serde_json::json;
use tokio::time::timeout;

use super::bodies::{STEP, is_too_large};
use super::problem::{Fault, Problem};
use super::request_id::RequestId;
use super::rest::{method_not_allowed, not_found};
use crate::bus::Came;
use room::{Coming, Full, Room};

/// How long a delivery may take to come: senders wait no longer themselves.
const PATIENCE: Duration = Duration::from_secs(10);
/// When a sender that is refused for want of room shall come again.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// Holds a delivery to its proof and reads it; what it gives keeps what was read.
pub type Take = Box<dyn FnOnce(&HeaderMap, &[u8]) -> Result<Keep, Failure> + Send>;
/// Keeps what a delivery tells.
pub type Keep = BoxFuture<Result<Taken, Failure>>;
/// Finds where a delivery comes, and looks at its head.
pub type Find = Arc<dyn Fn(Arriving) -> BoxFuture<Result<Door, Failure>> + Send + Sync>;
/// Counts a delivery that was refused before it was given to its instance.
pub type Count = Arc<dyn Fn(Came) + Send + Sync>;

/// A delivery whose head has come.
#[derive(Clone)]
pub struct Arriving {
    /// The instance's name in its path.
    pub instance: String,
    /// What stands behind that.
    pub secret: Option<String>,
    /// Its head.
    pub headers: HeaderMap,
}

/// Where a delivery comes whose head could be that of one which is proven.
pub struct Door {
    /// Its head has proven it.
    pub proven: bool,
    /// The most bytes that its body may have, where that is less than others may.
    pub bound: Option<Bound>,
    /// Takes it.
    pub take: Take,
}

/// What bounds a body that can prove something only where it is short.
#[derive(Clone)]
pub struct Bound {
    /// The most bytes.
    pub most: usize,
    /// What of more bytes is told.
    pub refused: Failure,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its events are kept.
    Kept,
    /// It had come before.
    Repeated,
}

/// What the routes need.
pub struct WebhooksConfig {
    /// Where deliveries come.
    pub find: Find,
    /// Counts those that come nowhere.
    pub count: Count,
    /// The most bytes of a body.
    pub max_body: usize,
    /// How long a body may bring nothing.
    pub idle: Duration,
}

struct Webhooks {
    config: WebhooksConfig,
    room: Arc<Room>,
}

/// The routes: `/webhooks/{instance}`, and the same with a secret behind it.
pub fn router(config: WebhooksConfig) -> Router {
    let webhooks = Arc::new(Webhooks {
        room: Room::new(config.max_body),
        config,
    });
    Router::new()
        .route("/webhooks/{instance}", post(open))
        .route("/webhooks/{instance}/{secret}", post(secret))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(webhooks)
}

async fn open(State(webhooks): State<Arc<Webhooks>>, Path(instance): Path<String>, request: Request<Body>) -> Response {
    webhooks.answer(instance, None, request).await
}

async fn secret(
    State(webhooks): State<Arc<Webhooks>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request<Body>,
) -> Response {
    match path {
        Ok(Path((instance, secret))) => webhooks.answer(instance, Some(secret), request).await,
        Err(_) => not_found(request).await,
    }
}

impl Webhooks {
    async fn answer(&self, instance: String, secret: Option<String>, request: Request<Body>) -> Response {
        let id = RequestId::given(request.extensions());
        let (parts, body) = request.into_parts();
        let arriving = Arriving {
            instance,
            secret,
            headers: parts.headers,
        };
        match self.take(arriving, body).await {
            Ok(taken) => {
                let answer = json!({ "repeated": taken == Taken::Repeated });
                (StatusCode::OK, axum::Json(answer)).into_response()
            }
            Err(problem) => problem.response(&id),
        }
    }

    async fn take(&self, arriving: Arriving, body: Body) -> Result<Taken, Problem> {
        let Door { proven, bound, take } = (self.config.find)(arriving.clone()).await?;
        let read = self.read(&arriving, proven, bound, body).await.inspect_err(|problem| {
            (self.config.count)(match problem.status() {
                StatusCode::TOO_MANY_REQUESTS => Came::Full,
                StatusCode::UNAUTHORIZED => Came::Refused,
                _ => Came::Unread,
            });
        });
        let (bytes, room) = read?.whole().map_err(full)?;
        let is_large = bytes.len() > STEP;
        let prove = move || {
            let keep = take(&arriving.headers, &bytes);
            // What waits to be kept is bounded by itself.
            drop((bytes, room));
            keep
        };
        let keep = match is_large {
            // Others should not wait for it.
            true => tokio::task::spawn_blocking(prove)
                .await
                .map_err(|error| Failure::new(Kind::Internal, "the delivery's reading was cut").because(error))?,
            false => prove(),
        };
        Ok(keep?.await?)
    }

    async fn read(
        &self,
        arriving: &Arriving,
        proven: bool,
        bound: Option<Bound>,
        body: Body,
    ) -> Result<Coming, Problem> {
        let most = self.most(&arriving.headers, bound)?;
        let coming = self.room.begin(&arriving.instance, proven).map_err(full)?;
        let late = |_| Problem::from(late());
        timeout(PATIENCE, self.come(coming, body, &most)).await.map_err(late)?
    }

    /// How many bytes may come, where the head does not say already that more will.
    fn most(&self, headers: &HeaderMap, bound: Option<Bound>) -> Result<Most, Problem> {
        let encoded = |value: &HeaderValue| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
        if headers.get_all(CONTENT_ENCODING).iter().any(encoded) {
            let sentence = "a delivery is taken as it is: send it without a Content-Encoding";
            return Err(Problem::fault(Fault::UnsupportedMediaType, sentence));
        }
        let most = Most {
            max_body: self.config.max_body,
            bound,
        };
        for announced in headers.get_all(CONTENT_LENGTH) {
            let announced = announced.to_str().ok().and_then(|text| text.parse::<u64>().ok());
            let wrong = || Failure::invalid("body", "the delivery's Content-Length is not a number");
            most.check(announced.ok_or_else(wrong)?)?;
        }
        Ok(most)
    }

    /// Room is taken as bytes come: who announces many and sends few holds little.
    async fn come(&self, mut coming: Coming, mut body: Body, most: &Most) -> Result<Coming, Problem> {
        loop {
            let frame = tokio::select! {
                biased;
                () = coming.given_up() => return Err(full(Full)),
                frame = timeout(self.config.idle, body.frame()) => frame.map_err(|_| late())?,
            };
            let Some(frame) = frame else { return Ok(coming) };
            let Ok(data) = frame.map_err(|error| most.broken(&error))?.into_data() else {
                continue;
            };
            most.check((coming.length() + data.len()) as u64)?;
            coming.push(&data).map_err(full)?;
        }
    }
}

/// How many bytes a body may have.
struct Most {
    max_body: usize,
    bound: Option<Bound>,
}

impl Most {
    fn check(&self, bytes: u64) -> Result<(), Problem> {
        match &self.bound {
            Some(bound) if bytes > bound.most as u64 => Err(bound.refused.clone().into()),
            _ if bytes > self.max_body as u64 => Err(Problem::too_large(self.max_body)),
            _ => Ok(()),
        }
    }

    fn broken(&self, error: &axum::Error) -> Problem {
        match is_too_large(error) {
            true => Problem::too_large(self.max_body),
            false => Failure::invalid("body", "the delivery broke off before its end").into(),
        }
    }
}

fn late() -> Failure {
    Failure::invalid("body", "the delivery did not come in time")
}

fn full(_: Full) -> Problem {
    Failure::new(Kind::RateLimited, "more deliveries come than may")
        .after(COME_AGAIN)
        .into()
}
