//! The pages for people that the listeners serve.
//!
//! Invariant: a page loads and runs nothing but what its own listener serves, so it needs no internet and can be trusted
//! as far as that; its links are relative to its own path, so that they hold below any other, also below one that a proxy
//! takes away.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

/// What a page may do: have its own style, and the script of `/docs` that asks this listener alone.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
                      base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// A page's text; `body` is HTML whose text is escaped.
pub(crate) fn html(title: &str, body: &str) -> String {
    const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\
                         table{border-collapse:collapse}td,th{text-align:left;padding:.3rem .8rem .3rem 0;\
                         vertical-align:top;border-bottom:1px solid #ccc}details{margin:.5rem 0}\
                         pre{white-space:pre-wrap;overflow-wrap:anywhere}";
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>\
         {body}</html>"
    )
}

/// A page as browsers shall take it.
pub(crate) fn page(html: impl IntoResponse) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, html).into_response()
}

/// Text as HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
