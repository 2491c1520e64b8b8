//! `/docs`: a small page of operations and error codes, and what each code means.
//!
//! Invariant: the pages load nothing and run nothing; all of their text is made from the tables, escaped.

use axum::body::Body;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{Request, StatusCode};
use mosaic_actors::error::Kind;

use super::super::problem::{Fault, TYPES, status_of, title};
use super::not_found;
use crate::catalogue::OPERATIONS;

/// One error code, explained.
pub struct Code {
    /// The stable code.
    pub code: &'static str,
    /// The HTTP status that it mostly has.
    pub status: StatusCode,
    /// Whether a retry can help.
    pub retryable: bool,
    /// What it means and what to do, in a sentence or two.
    pub meaning: &'static str,
}

/// Every code that a problem can have.
pub fn codes() -> impl Iterator<Item = Code> {
    let kinds = Kind::ALL.into_iter().map(|kind| Code {
        code: kind.code(),
        status: status_of(kind),
        retryable: kind.retryable(),
        meaning: meaning(kind),
    });
    let faults = Fault::ALL.into_iter().map(|fault| Code {
        code: fault.code(),
        status: fault.status(),
        retryable: false,
        meaning: fault_meaning(fault),
    });
    kinds.chain(faults)
}

const fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidInput => "The input is wrong; `field` names what. Correct it before you try again.",
        Kind::Unauthenticated => "No API key was given, or it is not known.",
        Kind::Forbidden => "The caller is known and may not do this.",
        Kind::NotFound => "The resource does not exist, or the caller may not know of it.",
        Kind::Conflict => {
            "The state of the resource forbids the change. With `field` idempotency_key: the same request is under way \
             (409, retryable), or the key was used for another request (422)."
        }
        Kind::PreconditionFailed => "A version or hash that the caller named does not hold any more. Read again.",
        Kind::Unsupported => "No provider that may serve this can do this operation, or take this field.",
        Kind::RateLimited => "The caller asks faster than its rate; wait as Retry-After says.",
        Kind::QuotaExceeded => "A quota of the caller is used up.",
        Kind::BudgetExhausted => "The caller's money is spent.",
        Kind::Overloaded => "A bound of the gateway is reached; wait as Retry-After says.",
        Kind::CircuitOpen => "The providers that could serve this are failing, and are left alone for a while.",
        Kind::NoProvider => "No provider serves this resource now.",
        Kind::Network => "The provider could not be reached, or the connection broke.",
        Kind::Timeout => "The time that the caller gave, or the provider's share of it, is over.",
        Kind::UpstreamAuth => "The provider refused the gateway's credential. Tell whoever runs the gateway.",
        Kind::UpstreamRateLimited => "The provider's own rate limit refused the gateway.",
        Kind::UpstreamFailed => "The provider failed, or its answer cannot be understood.",
        Kind::Cancelled => "The caller went away, or the work was stopped.",
        Kind::Internal => "A fault of the gateway. The request id finds it in the logs.",
    }
}

const fn fault_meaning(fault: Fault) -> &'static str {
    match fault {
        Fault::NoRoute => "No route has this path.",
        Fault::MethodNotAllowed => "The path exists with other methods; `Allow` lists them.",
        Fault::UnsupportedMediaType => "The body must be application/json.",
        Fault::PayloadTooLarge => "The body is over the listener's limit.",
    }
}

/// `GET /docs`
pub async fn overview() -> Response {
    let mut body =
        String::from("<h1>MosAIc</h1><p>The OpenAPI document: <a href=\"/v1/openapi.json\">/v1/openapi.json</a></p>");
    body += "<h2>Operations</h2><table><tr><th>Operation<th>Request<th>Summary</tr>";
    for entry in OPERATIONS.iter() {
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
    page("MosAIc", &(body + "</table>"))
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
    page(&name, &body)
}

fn page(title: &str, body: &str) -> Response {
    const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\
                         table{border-collapse:collapse}td,th{text-align:left;padding:.3rem .8rem .3rem 0;\
                         vertical-align:top;border-bottom:1px solid #ccc}";
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>{body}</html>"
    );
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
