//! The admin listener while its gateway starts.
//!
//! Invariant: it waits for nothing; whoever asks learns at once that the process lives and is not ready.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use http::{Request, StatusCode};
use mosaic_actors::error::{Failure, Kind};

use super::probes::{asks_verbosely, plain};
use super::{Check, Readiness};
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// When to come back: a start takes about as long, unless a provider keeps it.
const COME_BACK: Duration = Duration::from_secs(1);

/// The routes of an admin listener whose gateway is yet to start: the probes.
pub fn starting() -> Router {
    Router::new()
        .route("/livez", get(async || plain(StatusCode::OK, "ok\n".to_owned())))
        .route("/readyz", get(ready))
        .fallback(not_yet)
}

async fn ready(request: Request<Body>) -> Response {
    let readiness = Readiness {
        checks: vec![Check {
            name: "starting",
            failure: Some("the gateway is starting".to_owned()),
        }],
    };
    let text = match asks_verbosely(request.uri().query()) {
        true => readiness.verbose(),
        false => "not ready: starting\n".to_owned(),
    };
    plain(StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn not_yet(request: Request<Body>) -> Response {
    let failure = Failure::new(Kind::Overloaded, "the gateway is starting").after(COME_BACK);
    Problem::from(failure).response(&RequestId::given(request.extensions()))
}
