//! What stands around every request: its id, its bounds, and the catching of panics.
//!
//! Invariant: a request that reaches the guard is answered with its id, and where nothing else answers, with a problem.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Version};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use mosaic_actors::error::{Failure, Kind};
use tower::ServiceExt;

use super::activity::Activity;
use super::hearing::{Lent, lend};
use super::limits::ServerLimits;
use crate::surfaces::problem::{Fault, Problem};
use crate::surfaces::request_id::{HEADER, RequestId};

/// What all connections of a listener share.
pub(super) struct Guard {
    pub(super) limits: ServerLimits,
    pub(super) router: Router,
}

impl Guard {
    /// Serves one request of a connection.
    pub(super) async fn serve(
        self: Arc<Self>,
        activity: Arc<Activity>,
        request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let in_flight = activity.begin();
        let id = RequestId::of(request.headers());
        let told = Told::of(&request, &id);
        let ambiguous = is_ambiguous(&request);
        let (request, left) = lend(request);
        let mut response = self.answer(request, &id).await;
        if response.status().as_u16() >= 400 {
            left.hear_out().await;
        }
        response.headers_mut().insert(HEADER, id.header());
        if ambiguous {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        told.log(&response);
        // The body keeps the count until it is through.
        Ok(response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _ = &in_flight;
                frame
            }))
        }))
    }

    async fn answer(&self, request: Request<Lent>, id: &RequestId) -> Response {
        if declared_length(&request).is_some_and(|length| length > self.limits.max_body as u64) {
            let detail = format!("the body may have at most {} bytes", self.limits.max_body);
            return Problem::fault(Fault::PayloadTooLarge, detail).response(id);
        }
        let mut request = request.map(|body| Body::new(Limited::new(body, self.limits.max_body)));
        request.extensions_mut().insert(id.clone());
        let served = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind();
        match tokio::time::timeout(self.limits.request_timeout, served).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panic)) => {
                tracing::error!(request_id = %id.text(), panic = describe(panic.as_ref()), "a request's handler panicked");
                Problem::from(Failure::new(Kind::Internal, "the request's handler failed")).response(id)
            }
            Err(_) => {
                let detail = format!("not served within {} s", self.limits.request_timeout.as_secs());
                Problem::from(Failure::new(Kind::Timeout, detail)).response(id)
            }
        }
    }
}

/// A chunked request may have carried a Content-Length too: the parser prefers the chunks, as RFC 9112 section 6.1
/// allows, and drops the length unseen. The same section then asks that nothing after it on the connection be
/// believed, since a proxy in front may have counted otherwise. Hence: answered, and closed.
fn is_ambiguous(request: &Request<Incoming>) -> bool {
    request.version() < Version::HTTP_2 && request.headers().contains_key(TRANSFER_ENCODING)
}

fn declared_length(request: &Request<Lent>) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A panic's text is ours, not a client's, but it may quote a value: only literal messages are told.
fn describe(panic: &(dyn Any + Send)) -> &'static str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("with a formatted message")
}

/// What the access log tells of a request. Neither headers nor the query, which may hold what must not be kept.
struct Told {
    id: RequestId,
    method: Method,
    path: String,
    started: Instant,
}

impl Told {
    fn of(request: &Request<Incoming>, id: &RequestId) -> Self {
        Told {
            id: id.clone(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            started: Instant::now(),
        }
    }

    fn log(&self, response: &Response) {
        tracing::info!(
            target: "mosaic::access",
            request_id = %self.id.text(),
            method = %self.method,
            path = self.path,
            status = response.status().as_u16(),
            duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
    }
}
