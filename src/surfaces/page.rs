//! The pages for people that the listeners serve.
//!
//! Invariant: a page loads nothing and runs nothing, so it needs no internet and can be trusted as far as its text.

use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};

/// A page's text; `body` is HTML whose text is escaped.
pub(crate) fn html(title: &str, body: &str) -> String {
    const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\
                         table{border-collapse:collapse}td,th{text-align:left;padding:.3rem .8rem .3rem 0;\
                         vertical-align:top;border-bottom:1px solid #ccc}";
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>{body}</html>"
    )
}

/// A page, as browsers shall take it.
pub(crate) fn page(html: impl Into<Bytes>) -> Response {
    let headers = [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(html.into())).into_response()
}

/// Text as HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
