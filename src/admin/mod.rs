//! The admin listener's router: probes, metrics, and the API of those who run the gateway.
//!
//! Invariant: everything below `/admin` passes [`gate`] first, and changes happen by POST only.
//!
//! To add a resource to look at: a [`View`], and its row in `views.rs`; it is described with it, see `table.rs`. To add an action: an [`AdminOrder`], and its row in the
//! file of what it is done to; reason, preview and audit come with it.

mod actors;
mod audit;
mod caches;
mod events;
mod gate;
mod keys;
mod log;
pub mod openapi;
mod order;
mod pages;
mod plugins;
mod port;
mod probes;
mod query;
mod starting;
mod table;
mod views;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, middleware};
use bytes::Bytes;
use http::Request;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use secrecy::SecretString;
use serde_json::Value;

use crate::surfaces::mount;
use crate::surfaces::problem::{Fault, Problem};
use crate::surfaces::request_id::RequestId;

pub use gate::{AdminKeys, Administrator};
pub use port::{AdminOrder, AdminPort, Json, Order, Touches, View};
pub use probes::{Check, Readiness};
pub use starting::starting;

use table::{Row, Table};

type Port = Arc<dyn AdminPort>;

/// Where the API is.
const API: &str = "/admin/v1";

/// What the admin surface needs.
#[derive(Clone)]
pub struct AdminConfig {
    /// The address that the listener binds; its IP is a `Host` that browsers may name.
    pub addr: SocketAddr,
    /// Further host names under which the admin surface is reached, without port.
    pub hosts: Vec<String>,
    /// Asked of everything below `/admin`; and of `/metrics`, where the address is not a loopback one.
    pub token: Option<SecretString>,
    /// Who is let in by another credential; where there is no token, and this is absent, this machine alone is.
    pub keys: Option<AdminKeys>,
    /// Whether traffic may come.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// The metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The engine.
    pub port: Arc<dyn AdminPort>,
}

impl fmt::Debug for AdminConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminConfig")
            .field("addr", &self.addr)
            .field("hosts", &self.hosts)
            .field("token", &self.token.as_ref().map(|_| "[secret]"))
            .finish_non_exhaustive()
    }
}

/// The routes of the admin listener.
pub fn router(config: AdminConfig) -> Router {
    let gate = Arc::new(gate::Gate::new(&config));
    let pages = pages::Pages::of(&rows());
    let api = api()
        .router(config.port.clone())
        .merge(pages::described().router(pages.clone()))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(Extension(order::room()))
        .layer(middleware::from_fn_with_state(gate.clone(), gate::admit));
    Router::new()
        .merge(probes::routes().router(probes::Probed::of(&config, gate.clone())))
        .merge(pages::front().router(pages))
        .nest(API, api)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(gate, gate::reached))
        .layer(middleware::from_fn(mount::note))
}

/// Views and orders.
fn api() -> Table<Port> {
    let parts = [
        views::routes,
        events::routes,
        audit::routes,
        actors::routes,
        plugins::routes,
        caches::routes,
        keys::routes,
        log::routes,
    ];
    parts.into_iter().fold(Table::new(API), |table, part| part(table))
}

/// All that the listener has.
fn rows() -> Vec<Row> {
    let open = pages::front().rows().into_iter().chain(probes::routes().rows());
    open.chain(pages::described().rows()).chain(api().rows()).collect()
}

async fn not_found(request: Request<Body>) -> Response {
    let problem = Problem::fault(Fault::NoRoute, "no route of the admin surface has this path");
    problem.response(&RequestId::given(request.extensions()))
}

async fn method_not_allowed(request: Request<Body>) -> Response {
    // axum adds the Allow header, which it alone knows here.
    let problem = Problem::fault(Fault::MethodNotAllowed, "this path has other methods");
    problem.response(&RequestId::given(request.extensions()))
}

fn fresh(value: &Value) -> Response {
    written(value.to_string().into())
}

/// What is seen now is not kept: an operator must never look at an old tree.
fn written(json: Bytes) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (headers, json).into_response()
}
