//! `/docs`: a page of operations and error codes, and what each code means.
//!
//! Invariant: all text of the pages is made from the tables, escaped; links are relative to the page's own path.

use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use http::Request;
use serde_json::Value;

use super::super::docs::calls;
use super::super::page::{escape, html, page};
use super::super::problem::{TYPES, title};
use super::not_found;
use crate::failures::codes;

/// The text of `GET /docs`; `document` is the OpenAPI document.
pub(super) fn overview(document: &Value) -> String {
    let mut body = String::from(
        "<h1>MosAIc</h1><p>The OpenAPI document: <a href=\"v1/openapi.json\">/v1/openapi.json</a></p><h2>Operations</h2>",
    );
    body += &calls(document);
    body += "<h2>Error codes</h2><table><tr><th>Code<th>Status<th>Retry<th>Meaning</tr>";
    let types = TYPES.trim_start_matches('/');
    for code in codes() {
        body += &format!(
            "<tr><td><a href=\"{types}{0}\"><code>{0}</code></a><td>{1}<td>{2}<td>{3}</tr>",
            code.code,
            code.status.as_u16(),
            if code.retryable { "yes" } else { "no" },
            escape(code.meaning)
        );
    }
    html("MosAIc", &(body + "</table>"))
}

/// `GET /docs/errors/{code}`, of every surface.
pub async fn error_code(Path(code): Path<String>, request: Request<Body>) -> Response {
    let Some(found) = codes().find(|row| row.code == code) else {
        return not_found(request).await;
    };
    let name = title(found.code);
    let body = format!(
        "<h1>{name}</h1><p>Code <code>{}</code>, HTTP status {}, {}.</p><p>{}</p><p><a href=\"../../docs\">Docs</a></p>",
        found.code,
        found.status.as_u16(),
        if found.retryable {
            "a retry can help"
        } else {
            "a retry does not help"
        },
        escape(found.meaning)
    );
    page(html(&name, &body))
}
