//! Orders to single actors: restart, stop, start; and to the gateway: drain.
//!
//! Invariant: an actor is named by its path in the tree.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use http::Request;
use mosaic_actors::error::Failure;
use serde::Deserialize;

use super::order::{OrderTo, order};
use super::{AdminOrder, Port};

/// Bytes of an actor's path; the tree is not that deep.
const LONGEST_PATH: usize = 512;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    path: String,
}

/// A body with a reason alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) fn routes() -> Router<Port> {
    let orders: [(_, OrderTo); 3] = [
        ("/actors/restart", AdminOrder::RestartActor),
        ("/actors/stop", AdminOrder::StopActor),
        ("/actors/start", AdminOrder::StartActor),
    ];
    let routes = orders.into_iter().fold(Router::new(), |routes, (path, action)| {
        let ordered = move |State(port): State<Port>, request: Request<Body>| {
            order(port, request, move |at: At| Ok(action(checked(at.path)?)))
        };
        routes.route(path, post(ordered))
    });
    let drain = |State(port): State<Port>, request: Request<Body>| {
        order(port, request, |_: Nothing| Ok(AdminOrder::DrainGateway))
    };
    routes.route("/gateway/drain", post(drain))
}

fn checked(path: String) -> Result<String, Failure> {
    if path.trim().is_empty() || path.len() > LONGEST_PATH {
        return Err(Failure::invalid(
            "path",
            format!("path must be 1 to {LONGEST_PATH} bytes"),
        ));
    }
    Ok(path)
}
