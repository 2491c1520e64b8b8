//! What the admin listener says of itself: an index, a page of its API, and the OpenAPI document.
//!
//! Invariant: all of it is made from the tables of routes, and is the same in every installation.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::table::{Answer, Row, Table};
use super::{API, openapi};
use crate::surfaces::page::{escape, html, page};

/// The pages, made once.
#[derive(Clone)]
pub(super) struct Pages(Arc<Made>);

struct Made {
    index: String,
    docs: String,
    document: Bytes,
}

impl Pages {
    pub(super) fn of(rows: &[Row]) -> Self {
        Pages(Arc::new(Made {
            index: html("MosAIc admin", &index(rows)),
            docs: html("MosAIc admin API", &docs(rows)),
            document: openapi::of(rows).to_string().into(),
        }))
    }
}

/// Open to everybody who reaches the listener, as the probes are.
pub(super) fn front() -> Table<Pages> {
    let index = Row::get("/", "What there is to look at").answers(Answer::Page);
    let docs = Row::get("/docs", "The admin API, for people").answers(Answer::Page);
    Table::new("")
        .show(index, async |State(pages): State<Pages>| page(pages.0.index.clone()))
        .show(docs, async |State(pages): State<Pages>| page(pages.0.docs.clone()))
}

/// Below the API, and behind its gate.
pub(super) fn described() -> Table<Pages> {
    Table::new(API).show(Row::get("/openapi.json", "The admin API, for programs"), document)
}

async fn document(State(pages): State<Pages>) -> Response {
    ([(CONTENT_TYPE, "application/json")], pages.0.document.clone()).into_response()
}

/// Links are relative: the listener may be mounted below another path.
fn link(path: &str) -> String {
    let path = escape(path.trim_start_matches('/'));
    format!("<a href=\"{path}\"><code>/{path}</code></a>")
}

fn index(rows: &[Row]) -> String {
    let mut body = String::from("<h1>MosAIc admin</h1><table>");
    let plain = |row: &&Row| row.method == "get" && row.placeholders().next().is_none() && row.path != "/";
    for row in rows.iter().filter(plain) {
        body += &format!("<tr><td>{}<td>{}</tr>", link(&row.path), escape(row.summary));
    }
    body + "</table><p>Orders: see <a href=\"docs\">docs</a>.</p>"
}

fn docs(rows: &[Row]) -> String {
    let mut body = format!(
        "<h1>MosAIc admin API</h1><p>The OpenAPI document: {}</p><p>Every order has a reason, and is recorded.</p>\
         <table><tr><th>Request<th>What<th>Query<th>Body</tr>",
        link(&format!("{API}/openapi.json"))
    );
    for row in rows {
        let query: Vec<&str> = row.query.iter().map(|parameter| parameter.name).collect();
        body += &format!(
            "<tr><td><code>{} {}</code><td>{}<td>{}<td>{}</tr>",
            row.method.to_uppercase(),
            escape(&row.path),
            escape(row.summary),
            escape(&query.join(", ")),
            fields(row)
        );
    }
    body + "</table>"
}

/// The fields of a body; those that may be left out in brackets.
fn fields(row: &Row) -> String {
    let body = row.body.as_ref();
    let required = body.and_then(|body| body["required"].as_array());
    let properties = body.and_then(|body| body["properties"].as_object());
    let fields = properties.into_iter().flatten().map(|(name, schema)| {
        let about = escape(schema["description"].as_str().unwrap_or_default());
        match required.is_some_and(|required| required.iter().any(|known| known == name)) {
            true => format!("<code>{name}</code> {about}"),
            false => format!("[<code>{name}</code>] {about}"),
        }
    });
    fields.collect::<Vec<_>>().join("<br>")
}
