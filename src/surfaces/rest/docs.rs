//! `/docs`: a small page of operations and error codes, and what each code means.
//!
//! Invariant: the pages load nothing and run nothing; all of their text is made from the tables, escaped.

use axum::body::Body;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};

use super::super::problem::{TYPES, title};
use super::not_found;
use crate::catalogue::Catalogue;
use crate::failures::codes;

/// The text of `GET /docs`.
pub(super) fn overview(catalogue: &Catalogue) -> String {
    let mut body =
        String::from("<h1>MosAIc</h1><p>The OpenAPI document: <a href=\"/v1/openapi.json\">/v1/openapi.json</a></p>");
    body += "<h2>Operations</h2><table><tr><th>Operation<th>Request<th>Summary</tr>";
    for entry in catalogue.iter() {
        let declaration = entry.declaration;
        body += &format!(
            "<tr><td><code>{}</code><td><code>{} /v1{}</code><td>{}</tr>",
            escape(entry.name()),
            declaration.method.as_str(),
            escape(declaration.path),
            escape(declaration.summary)
        );
    }
    body += "</table><h2>Error codes</h2><table><tr><th>Code<th>Status<th>Retry<th>Meaning</tr>";
    for code in codes() {
        body += &format!(
            "<tr><td><a href=\"{TYPES}{0}\"><code>{0}</code></a><td>{1}<td>{2}<td>{3}</tr>",
            code.code,
            code.status.as_u16(),
            if code.retryable { "yes" } else { "no" },
            escape(code.meaning)
        );
    }
    html("MosAIc", &(body + "</table>"))
}

/// `GET /docs/errors/{code}`
pub async fn error_code(Path(code): Path<String>, request: Request<Body>) -> Response {
    let Some(found) = codes().find(|row| row.code == code) else {
        return not_found(request).await;
    };
    let name = title(found.code);
    let body = format!(
        "<h1>{name}</h1><p>Code <code>{}</code>, HTTP status {}, {}.</p><p>{}</p><p><a href=\"/docs\">All codes</a></p>",
        found.code,
        found.status.as_u16(),
        if found.retryable {
            "a retry can help"
        } else {
            "a retry does not help"
        },
        escape(found.meaning)
    );
    page(html(&name, &body).into())
}

fn html(title: &str, body: &str) -> String {
    const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\
                         table{border-collapse:collapse}td,th{text-align:left;padding:.3rem .8rem .3rem 0;\
                         vertical-align:top;border-bottom:1px solid #ccc}";
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>{body}</html>"
    )
}

/// A page that loads nothing and runs nothing.
pub(super) fn page(html: Bytes) -> Response {
    let headers = [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(html)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
