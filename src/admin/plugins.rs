//! Orders to plugins and to their circuit breakers.
//!
//! Invariant: a table of settings is passed on as it came; it is checked where the configuration's are.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::post;
use http::Request;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::actors::Nothing;
use super::order::{OrderTo, order};
use super::{AdminOrder, Port};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    name: String,
    provider: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    provider: Option<Map<String, Value>>,
}

pub(super) fn routes() -> Router<Port> {
    let orders: [(_, OrderTo); 6] = [
        ("/plugins/{name}/stop", AdminOrder::StopPlugin),
        ("/plugins/{name}/start", AdminOrder::StartPlugin),
        ("/plugins/{name}/drain", AdminOrder::DrainPlugin),
        ("/plugins/{name}/remove", AdminOrder::RemovePlugin),
        ("/breakers/{name}/force-open", AdminOrder::ForceOpen),
        ("/breakers/{name}/reset", AdminOrder::ResetBreaker),
    ];
    let routes = orders.into_iter().fold(Router::new(), |routes, (path, action)| {
        let ordered = move |State(port): State<Port>, Path(name): Path<String>, request: Request<Body>| {
            order(port, request, move |_: Nothing| Ok(action(name)))
        };
        routes.route(path, post(ordered))
    });
    let add = |State(port): State<Port>, request: Request<Body>| {
        order(port, request, |add: Add| {
            Ok(AdminOrder::AddPlugin(add.name, add.provider))
        })
    };
    let update = |State(port): State<Port>, Path(name): Path<String>, request: Request<Body>| {
        order(port, request, move |update: Update| {
            Ok(AdminOrder::UpdatePlugin(name, update.provider))
        })
    };
    routes
        .route("/plugins", post(add))
        .route("/plugins/{name}/update", post(update))
}
