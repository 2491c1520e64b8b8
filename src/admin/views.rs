//! What can be looked at: tree, ledger, status, plugins, breakers, caches, quotas, credits, routes in shadow, calls,
//! decisions, configuration, log.
//!
//! Invariant: every answer is made when it is asked for, and kept by nobody.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::Request;

use super::query::{Query, up_to};
use super::table::{Parameter, Row, Table, Takes, limit};
use super::{Json, Port, View, written};
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// A page of the ledger, or of decisions, unless the caller says otherwise.
const DEFAULT_ROWS: usize = 100;
/// The most rows that one request gets.
const MOST_ROWS: usize = 1_000;
/// The most decisions that one gets: as many as may be kept, `[explain]` says.
const MOST_DECISIONS: usize = 1_000_000;

pub(super) fn routes(table: Table<Port>) -> Table<Port> {
    let plain = [
        ("/tree", "The supervision tree", View::Tree),
        ("/status", "One glance at all", View::Status),
        ("/breakers", "Every circuit breaker", View::Breakers),
        ("/caches", "Every tier of the cache", View::Caches),
        ("/quotas", "Every tenant's quota", View::Quotas),
        ("/credits", "Every provider's credits", View::Credits),
        ("/shadows", "What routes in shadow would have changed", View::Shadows),
        (
            "/config",
            "Every setting in force, and where it came from",
            View::Config,
        ),
        ("/log", "What is logged", View::Log),
    ];
    let table = plain.into_iter().fold(table, |table, (path, summary, view)| {
        let seen = move |State(port): State<Port>, request: Request<Body>| {
            let view = view.clone();
            async move { show(&port, request, &[], |_| Ok(view)) }
        };
        table.show(Row::get(path, summary), seen)
    });
    let tenant = Parameter {
        name: "tenant",
        about: "Of this tenant's calls alone",
        takes: Takes::Text,
    };
    let recorded = Row::get("/decisions", "What was decided for the last calls, and why").of("Decisions");
    let one = Row::get(
        "/decisions/{id}",
        "What was decided for the calls with an id, the newest first",
    )
    .of("Decisions");
    let plugins = Row::get("/plugins", "Every provider instance").of("Plugins");
    let every = async |State(port): State<Port>, request| show(&port, request, &[], |_| Ok(View::Plugins));
    let rows = |path, summary| Row::get(path, summary).takes(limit(MOST_ROWS));
    table
        .show(rows("/ledger", "What was restarted, when and why"), ledger)
        .show(rows("/calls", "The calls in flight, and the last that ended"), calls)
        .show(recorded.takes(limit(MOST_DECISIONS)).takes(tenant), decisions)
        .show(one, decision)
        .show(plugins, every)
        .show(
            Row::get("/plugins/{name}", "One provider instance").of("Plugin"),
            plugin,
        )
}

async fn ledger(State(port): State<Port>, request: Request<Body>) -> Response {
    show(&port, request, &["limit"], |query| {
        let limit = query.get("limit", up_to(MOST_ROWS))?;
        Ok(View::Ledger(limit.unwrap_or(DEFAULT_ROWS)))
    })
}

async fn calls(State(port): State<Port>, request: Request<Body>) -> Response {
    show(&port, request, &["limit"], |query| {
        let limit = query.get("limit", up_to(MOST_ROWS))?;
        Ok(View::Calls(limit.unwrap_or(MOST_ROWS)))
    })
}

async fn decisions(State(port): State<Port>, request: Request<Body>) -> Response {
    show(&port, request, &["limit", "tenant"], |query| {
        let limit = query.get("limit", up_to(MOST_DECISIONS))?;
        let tenant = query.get("tenant", |text| Ok(text.to_owned()))?;
        Ok(View::Decisions(limit.unwrap_or(DEFAULT_ROWS), tenant))
    })
}

async fn decision(State(port): State<Port>, Path(id): Path<String>, request: Request<Body>) -> Response {
    show(&port, request, &[], |_| Ok(View::Decision(id)))
}

async fn plugin(State(port): State<Port>, Path(name): Path<String>, request: Request<Body>) -> Response {
    show(&port, request, &[], |_| Ok(View::Plugin(name)))
}

fn show(
    port: &Port,
    request: Request<Body>,
    known: &[&str],
    view: impl FnOnce(&Query) -> Result<View, Problem>,
) -> Response {
    let id = RequestId::given(request.extensions());
    let (parts, _) = request.into_parts();
    let shown = Query::of(&parts, known)
        .map_err(Problem::from)
        .and_then(|query| port.view(view(&query)?));
    match shown {
        Ok(Json(text)) => written(text),
        Err(problem) => problem.response(&id),
    }
}
