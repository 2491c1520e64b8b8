//! The supervision tree over HTTP: looking at it, and restarting an actor.
//!
//! Invariant: nothing is restarted without a reason that the ledger can keep.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::Request;
use mosaic_actors::error::Failure;
use serde::Deserialize;
use serde_json::json;

use super::{AdminPort, fresh};
use crate::surfaces::json_body;
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// A page of the ledger, unless the caller says otherwise.
const DEFAULT_LEDGER: usize = 100;
/// The most entries that one request gets.
const MOST_LEDGER: usize = 1000;
/// Characters of a reason: a sentence or three.
const LONGEST_REASON: usize = 500;
/// Bytes of an actor's path; the tree is not that deep.
const LONGEST_PATH: usize = 512;
/// Bytes of a body here.
const MAX_BODY: usize = 16 * 1024;

type Port = Arc<dyn AdminPort>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restart {
    path: String,
    reason: String,
}

pub(super) fn routes() -> Router<Port> {
    Router::new()
        .route(
            "/status",
            get(|State(port): State<Port>| async move { fresh(port.status()) }),
        )
        .route(
            "/tree",
            get(|State(port): State<Port>| async move { fresh(port.tree()) }),
        )
        .route("/ledger", get(ledger))
        .route("/actors/restart", post(restart))
}

async fn ledger(State(port): State<Port>, request: Request<Body>) -> Response {
    match ledger_limit(request.uri().query().unwrap_or_default()) {
        Ok(limit) => fresh(port.ledger(limit)),
        Err(failure) => Problem::from(failure).response(&RequestId::given(request.extensions())),
    }
}

async fn restart(State(port): State<Port>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    match restarted(port.as_ref(), request).await {
        Ok(path) => fresh(json!({ "restarted": path })),
        Err(problem) => problem.response(&id),
    }
}

async fn restarted(port: &dyn AdminPort, request: Request<Body>) -> Result<String, Problem> {
    let (parts, body) = request.into_parts();
    let Restart { path, reason } = json_body::typed(&parts.headers, body, MAX_BODY).await?;
    if path.trim().is_empty() || path.len() > LONGEST_PATH {
        let sentence = format!("path must be 1 to {LONGEST_PATH} bytes");
        return Err(Failure::invalid("path", sentence).into());
    }
    check_reason(&reason)?;
    port.restart(&path, &reason).await?;
    Ok(path)
}

fn check_reason(reason: &str) -> Result<(), Failure> {
    let printable = !reason.chars().any(char::is_control);
    if reason.trim().is_empty() || reason.chars().count() > LONGEST_REASON || !printable {
        let sentence = format!("reason must be 1 to {LONGEST_REASON} characters on one line");
        return Err(Failure::invalid("reason", sentence));
    }
    Ok(())
}

fn ledger_limit(query: &str) -> Result<usize, Failure> {
    let mut limit = DEFAULT_LEDGER;
    for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
        if name != "limit" {
            return Err(Failure::invalid(
                &name,
                format!("{name} is not a parameter of the ledger"),
            ));
        }
        let number = text.parse().ok().filter(|number| (1..=MOST_LEDGER).contains(number));
        limit = number.ok_or_else(|| Failure::invalid("limit", format!("limit must be 1 to {MOST_LEDGER}")))?;
    }
    Ok(limit)
}
