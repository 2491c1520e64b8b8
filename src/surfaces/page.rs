//! The pages for people that the listeners serve.
//!
//! Invariant: a page loads and runs nothing but what its own listener serves, so it needs no internet and can be trusted
//! as far as that; its links are relative to where its surface is mounted.

use axum::response::{Html, IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};

use super::mount::Mount;

/// Where links of a page lead from, unless its surface is mounted elsewhere.
const BASE: &str = "<base href=\"/\">";
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
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">{BASE}<title>{title}</title><style>{STYLE}</style>\
         {body}</html>"
    )
}

/// A page of a surface that is mounted at `mount`, as browsers shall take it.
pub(crate) fn page(html: &str, mount: &Mount) -> Response {
    let headers = [(CONTENT_SECURITY_POLICY, POLICY), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    let html = match mount.path() {
        "" => html.to_owned(),
        path => html.replacen(BASE, &format!("<base href=\"{}/\">", escape(path)), 1),
    };
    (headers, Html(html)).into_response()
}

/// Text as HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
