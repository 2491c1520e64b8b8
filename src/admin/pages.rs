//! What the admin listener says of itself: an index, a page of its API, and the OpenAPI document.
//!
//! Invariant: all of it is made from the tables of routes, and is the same in every installation.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use bytes::Bytes;
use http::Request;
use serde_json::Value;

use super::table::{Answer, Row, Table};
use super::{API, openapi};
use crate::surfaces::docs::{SCRIPT, calls, script};
use crate::surfaces::mount::Mount;
use crate::surfaces::page::{escape, html, page};
use crate::surfaces::rest::docs::error_code;
use crate::surfaces::shared::{Document, Shared};

/// Where links of the index lead from, unless its path ends otherwise.
const BASE: &str = "<base href=\"./\">";

/// The pages, made once.
#[derive(Clone)]
pub(super) struct Pages(Arc<Made>);

struct Made {
    index: Shared,
    docs: Bytes,
    document: Document,
}

impl Pages {
    pub(super) fn of(rows: &[Row]) -> Self {
        let document = openapi::of(rows);
        Pages(Arc::new(Made {
            index: Shared::of(html("MosAIc admin", &index(rows)), BASE),
            docs: html("MosAIc admin API", &docs(&document)).into(),
            document: Document::of(&document),
        }))
    }
}

/// Open to everybody who reaches the listener, as the probes are.
pub(super) fn front() -> Table<Pages> {
    let index = Row::get("/", "What there is to look at").answers(Answer::Page);
    let docs = Row::get("/docs", "The admin API, for people").answers(Answer::Page);
    let error = Row::get("/docs/errors/{code}", "What an error code means").answers(Answer::Page);
    let tries = Row::get(SCRIPT, "What tries a call on the page of the API").answers(Answer::Script);
    Table::new("")
        .show(index, front_page)
        .show(docs, async |State(pages): State<Pages>| page(pages.0.docs.clone()))
        .show(error, error_code)
        .show(tries, script)
}

/// A browser takes `/ops` for a page of the folder that `ops` is in, and all that is linked to is in `ops`.
async fn front_page(State(pages): State<Pages>, request: Request<Body>) -> Response {
    let came = request.extensions().get::<OriginalUri>();
    let name = came.and_then(|OriginalUri(whole)| whole.path().rsplit('/').next());
    let name = name.filter(|name| !name.is_empty());
    let base = name.map(|name| format!("<base href=\"./{}/\">", escape(name)));
    page(pages.0.index.response(base))
}

/// Below the API, and behind its gate.
pub(super) fn described() -> Table<Pages> {
    Table::new(API).show(Row::get("/openapi.json", "The admin API, for programs"), document)
}

async fn document(State(pages): State<Pages>, request: Request<Body>) -> Response {
    pages.0.document.response(&Mount::of(request.extensions()))
}

/// Both pages are in the surface's first folder, so that this leads to the path from either.
fn link(path: &str) -> String {
    let path = escape(path.trim_start_matches('/'));
    format!("<a href=\"{path}\"><code>/{path}</code></a>")
}

fn index(rows: &[Row]) -> String {
    let mut body = format!("{BASE}<h1>MosAIc admin</h1><table>");
    let plain = |row: &&Row| row.method == "get" && row.placeholders().next().is_none() && row.path != "/";
    for row in rows.iter().filter(plain) {
        body += &format!("<tr><td>{}<td>{}</tr>", link(&row.path), escape(row.summary));
    }
    body + "</table><p>Orders: see <a href=\"docs\">docs</a>.</p>"
}

fn docs(document: &Value) -> String {
    let head = format!(
        "<h1>MosAIc admin API</h1><p>The OpenAPI document: {}</p><p>Every order has a reason, and is recorded.</p>",
        link(&format!("{API}/openapi.json"))
    );
    head + &calls(document)
}
