//! One request: read it, judge it by the faults, let the vendor answer, and do to the answer what the verdict says.
//!
//! Invariant: a request is counted as arrived exactly once, and only when it was read completely.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::fault::Effect;
use super::fault_table::FaultDecision;
use super::kit::vendor::{Refusal, Route};
use super::socket::ResetSwitch;
use super::state::Server;
use super::{control, damage};

/// How much of a body that is too large is read before the connection is closed all the same.
const MAX_DISCARDED: usize = 32 << 20;
/// How long a client may take over a body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault left the request without an answer")]
pub(crate) struct NoAnswer;

/// Answers one request, or ends its connection.
pub(crate) async fn answer(
    server: &Server,
    reset: &ResetSwitch,
    stop: &CancellationToken,
    request: Request<Incoming>,
) -> Result<Response<Body>, NoAnswer> {
    let request = match read(request, server.vendor.max_body()).await {
        Ok(request) => request,
        Err(status) => {
            let mut refusal = server.vendor.refuse(Refusal::Status(status));
            // The rest of the body may still be on its way: nothing after it on this connection can be read.
            refusal
                .headers_mut()
                .insert(header::CONNECTION, header::HeaderValue::from_static("close"));
            return Ok(refusal);
        }
    };
    if control::owns(request.uri().path()) {
        return Ok(control::answer(server, &request));
    }
    let verdict = judge(server, &request);
    if !verdict.delay.is_zero() {
        tokio::select! {
            () = sleep(verdict.delay) => {}
            () = stop.cancelled() => return Err(NoAnswer),
        }
    }
    let Some(effect) = verdict.effect else {
        return Ok(handle(server, request).await);
    };
    match effect {
        Effect::Latency { .. } => Ok(handle(server, request).await),
        Effect::Error { status } => {
            // A fault is checked when it is set: its status is between 400 and 599.
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Ok(server.vendor.refuse(Refusal::Status(status)))
        }
        Effect::RateLimit {
            retry_after_s,
            secondary,
        } => {
            let retry_after = Duration::from_secs(retry_after_s);
            Ok(server.vendor.refuse(match secondary {
                true => Refusal::SecondaryLimit { retry_after },
                false => Refusal::RateLimited { retry_after },
            }))
        }
        Effect::ExpiredToken => Ok(server.vendor.refuse(Refusal::ExpiredToken)),
        Effect::Reset { processed } => {
            if processed {
                handle(server, request).await;
            }
            reset.pull();
            Err(NoAnswer)
        }
        Effect::Hang { processed } => {
            if processed {
                handle(server, request).await;
            }
            stop.cancelled().await;
            Err(NoAnswer)
        }
        Effect::Malformed => damage::malformed(handle(server, request).await)
            .await
            .map_err(|_| NoAnswer),
        Effect::Truncated => damage::truncated(handle(server, request).await)
            .await
            .map_err(|_| NoAnswer),
        Effect::Drip { ms } => {
            let pace = Duration::from_millis(ms);
            let dripped = damage::dripped(handle(server, request).await, pace).await;
            dripped.map_err(|_| NoAnswer)
        }
        Effect::CutStream { after_frames, clean } => {
            Ok(damage::cut(handle(server, request).await, after_frames, clean))
        }
        Effect::StreamError { after_frames } => {
            let frame = server.vendor.error_frame();
            Ok(damage::end_with(handle(server, request).await, after_frames, frame))
        }
    }
}

/// Reads the whole body, so that a fault never leaves half a request on the connection.
async fn read(request: Request<Incoming>, limit: usize) -> Result<Request<Bytes>, StatusCode> {
    let (head, body) = request.into_parts();
    let body = timeout(BODY_TIME, collect(body, limit))
        .await
        .map_err(|_| StatusCode::REQUEST_TIMEOUT)??;
    Ok(Request::from_parts(head, body))
}

/// Keeps a body up to its bound. What is beyond is read too: a client that is still sending does not see our answer.
async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, StatusCode> {
    let mut kept = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else {
            continue;
        };
        size += data.len();
        if size <= limit {
            kept.extend_from_slice(&data);
        } else if size > MAX_DISCARDED {
            break;
        }
    }
    if size > limit {
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    } else {
        Ok(kept.freeze())
    }
}

fn judge(server: &Server, request: &Request<Bytes>) -> FaultDecision {
    let (method, path) = (request.method(), request.uri().path());
    let streamed = server.vendor.wants_stream(request);
    let verdict = server.faults().judge(method, path, streamed);
    let mut requests = server.requests();
    requests.arrive(method, path);
    for effect in &verdict.applied {
        requests.fault(effect);
    }
    verdict
}

/// The vendor's own answer.
async fn handle(server: &Server, request: Request<Bytes>) -> Response<Body> {
    let method: Method = request.method().clone();
    let Ok(response) = server.router.clone().oneshot(request.map(Body::from)).await;
    if let Some(Route(path)) = response.extensions().get() {
        server.requests().serve(&method, path);
    }
    response
}
