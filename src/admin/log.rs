//! The log's filter, changed for a while.
//!
//! Invariant: a filter for a while ends by itself.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use http::Request;
use mosaic_actors::error::Failure;
use serde::Deserialize;

use super::order::order;
use super::{AdminOrder, Port};

/// Bytes of a filter, as in the configuration.
const LONGEST_FILTER: usize = 1024;
/// A day: whoever needs more detail for longer configures it.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    filter: String,
    for_ms: Option<u64>,
}

pub(super) fn routes() -> Router<Port> {
    let set = |State(port): State<Port>, request: Request<Body>| order(port, request, checked);
    Router::new().route("/log", post(set))
}

fn checked(Set { filter, for_ms }: Set) -> Result<AdminOrder, Failure> {
    if filter.is_empty() || filter.len() > LONGEST_FILTER || filter.contains(char::is_control) {
        return Err(Failure::invalid(
            "filter",
            format!("filter must be 1 to {LONGEST_FILTER} bytes on one line"),
        ));
    }
    if for_ms.is_some_and(|ms| !(1..=LONGEST_MS).contains(&ms)) {
        return Err(Failure::invalid("for_ms", format!("for_ms must be 1 to {LONGEST_MS}")));
    }
    Ok(AdminOrder::SetLog { filter, for_ms })
}
