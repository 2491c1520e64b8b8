//! What pages of other origins may ask (CORS, Fetch section 3.2).
//!
//! Invariant: only origins that are configured are answered as such, and a request that is none of a page's passes untouched.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AGE, CONTENT_DISPOSITION, ETAG, LINK, LOCATION, ORIGIN, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, Method, Request};
use tower::{Layer as _, ServiceExt as _};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::anthropic::REQUEST_ID;
use super::cache_status::CACHE_STATUS;
use super::dialect::{COST, DECISION, SHOULD_RETRY, WARNINGS};
use super::problem::REPLAYED;
use super::rate_limit::{RATE_LIMIT, RATE_LIMIT_POLICY};
use super::request_id;
use super::rest::reply::{ATTEMPTS, EMULATED, PROVIDER, SKIPPED};
use super::rest::timing::SERVER_TIMING;
use super::trace::TRACEPARENT;

/// Any origin, in a configuration.
pub const ANY: &str = "*";

/// Who may ask, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsConfig {
    /// Origins, to the letter; or [`ANY`] alone.
    pub origins: Vec<String>,
    /// Whether a page may send what its browser keeps for us.
    pub credentials: bool,
    /// How long a browser may keep what it was told.
    pub max_age: Duration,
}

/// What a page may read beside what every page may.
fn exposed() -> Vec<HeaderName> {
    let ours = [
        request_id::HEADER,
        CACHE_STATUS,
        REPLAYED,
        PROVIDER,
        ATTEMPTS,
        EMULATED,
        SKIPPED,
        SERVER_TIMING,
        RATE_LIMIT,
        RATE_LIMIT_POLICY,
        TRACEPARENT,
        COST,
        DECISION,
        WARNINGS,
        SHOULD_RETRY,
        REQUEST_ID,
    ];
    let standard = [
        AGE,
        CONTENT_DISPOSITION,
        ETAG,
        LINK,
        LOCATION,
        RETRY_AFTER,
        WWW_AUTHENTICATE,
    ];
    // Of a draft, and of a protocol whose library has no names for them.
    let named = ["deprecation", "mcp-protocol-version", "mcp-session-id"];
    let named = named.map(HeaderName::from_static);
    ours.into_iter().chain(standard).chain(named).collect()
}

/// The layer that answers pages.
pub(super) fn layer(config: &CorsConfig) -> CorsLayer {
    let origins = match config.origins.iter().any(|origin| origin == ANY) {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(
            config
                .origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        ),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(config.credentials)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        // What a page may say to us is ours to judge, as that of every other client.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed())
        .max_age(config.max_age)
}

/// Middleware: the layer, for pages alone. An OPTIONS that asks for no method is none of their browsers' preflights.
pub(super) async fn pages(State(cors): State<CorsLayer>, request: Request<Body>, next: Next) -> Response {
    let headers = request.headers();
    let asks_first = headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !headers.contains_key(ORIGIN) || (request.method() == Method::OPTIONS && !asks_first) {
        return next.run(request).await;
    }
    match cors.layer(next).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
