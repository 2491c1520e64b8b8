//! Probes and metrics.
//!
//! Invariant: `/livez` looks at nothing but the process; a dead provider must never have the gateway restarted.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Request, StatusCode};

use super::AdminConfig;
use super::gate::Gate;
use super::table::{Answer, Parameter, Row, Table, Takes};
use crate::surfaces::access::Unremarkable;
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4";

/// Whether traffic may come, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The single conditions; traffic may come where all hold. Draining is one that does not.
    pub checks: Vec<Check>,
}

/// One condition of readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, e.g. `draining`.
    pub name: &'static str,
    /// Why it does not hold; absent where it does.
    pub failure: Option<String>,
}

impl Readiness {
    /// Whether every condition holds.
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|check| check.failure.is_none())
    }

    pub(super) fn verbose(&self) -> String {
        let mut text = String::new();
        for check in &self.checks {
            text += &match &check.failure {
                None => format!("[+]{} ok\n", check.name),
                Some(reason) => format!("[-]{} failed: {reason}\n", check.name),
            };
        }
        text + if self.is_ready() { "ready\n" } else { "not ready\n" }
    }
}

/// What the probes look at.
#[derive(Clone)]
pub(super) struct Probed {
    readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    render: Arc<dyn Fn() -> String + Send + Sync>,
    gate: Arc<Gate>,
}

impl Probed {
    pub(super) fn of(config: &AdminConfig, gate: Arc<Gate>) -> Self {
        Probed {
            readiness: config.readiness.clone(),
            render: config.metrics.clone(),
            gate,
        }
    }
}

pub(super) fn routes() -> Table<Probed> {
    let verbose = Parameter {
        name: "verbose",
        about: "Tell every condition",
        takes: Takes::Flag,
    };
    let text = |path, summary| Row::get(path, summary).answers(Answer::Text);
    Table::new("")
        .show(text("/livez", "Whether the process lives"), async || {
            plain(StatusCode::OK, "ok\n".to_owned())
        })
        .show(
            text("/readyz", "Whether traffic may come").takes(verbose),
            async |State(probed): State<Probed>, request: Request<Body>| {
                ready(&(probed.readiness)(), request.uri().query())
            },
        )
        .show(
            text("/metrics", "The metrics, in Prometheus' text format"),
            async |State(probed): State<Probed>, request: Request<Body>| {
                metrics(&probed.gate, &request, probed.render.as_ref())
            },
        )
}

fn ready(readiness: &Readiness, query: Option<&str>) -> Response {
    let ready = readiness.is_ready();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let text = match asks_verbosely(query) {
        true => readiness.verbose(),
        false if ready => "ok\n".to_owned(),
        false => "not ready\n".to_owned(),
    };
    plain(status, text)
}

/// Whether every condition is to be told.
pub(super) fn asks_verbosely(query: Option<&str>) -> bool {
    let mut named = query
        .into_iter()
        .flat_map(|query| url::form_urlencoded::parse(query.as_bytes()));
    named.any(|(name, _)| name == "verbose")
}

fn metrics(gate: &Gate, request: &Request<Body>, render: &(dyn Fn() -> String + Send + Sync)) -> Response {
    match gate.check_metrics(request) {
        Ok(()) => Unremarkable::mark(([(CONTENT_TYPE, METRICS_TYPE)], render()).into_response()),
        Err(failure) => Problem::from(failure).response(&RequestId::given(request.extensions())),
    }
}

pub(super) fn plain(status: StatusCode, text: String) -> Response {
    Unremarkable::mark((status, [(CACHE_CONTROL, "no-store")], text).into_response())
}
