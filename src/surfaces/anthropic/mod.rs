//! `/anthropic/v1`: models as the clients of one vendor ask for them, whoever answers.
//!
//! Invariant: a client that knows that vendor's API needs another address and a key of ours, and nothing else; what it is
//! refused with has that API's form, too.

mod batches;
mod blocks;
mod error;
mod input;
mod messages;
mod models;
mod said;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{any, get, post};
use http::Request;

use super::dialect::DialectConfig;
use super::mount;
use super::problem::{Fault, Problem};
use super::request_id::RequestId;

/// The routes, to stand beside the others of the public listener.
pub fn router(config: DialectConfig) -> Router {
    Router::new()
        .route("/anthropic/v1/messages", post(messages::create))
        .route("/anthropic/v1/messages/count_tokens", post(messages::count))
        .route(
            "/anthropic/v1/messages/batches",
            post(batches::create).get(batches::list),
        )
        .route("/anthropic/v1/messages/batches/{id}", get(batches::show))
        .route("/anthropic/v1/messages/batches/{id}/cancel", post(batches::cancel))
        .route("/anthropic/v1/messages/batches/{id}/results", get(batches::results))
        .route("/anthropic/v1/models", get(models::list))
        .route("/anthropic/v1/models/{*model}", get(models::show))
        .method_not_allowed_fallback(other_method)
        .route("/anthropic/v1", any(unknown))
        .route("/anthropic/v1/{*path}", any(unknown))
        .layer(from_fn(mount::note))
        .with_state(Arc::new(config))
}

async fn unknown(request: Request<Body>) -> Response {
    let problem = Problem::fault(Fault::NoRoute, "there is nothing at this path of the API here");
    error::response(&problem.into(), &RequestId::given(request.extensions()))
}

async fn other_method(request: Request<Body>) -> Response {
    let problem = Problem::fault(Fault::MethodNotAllowed, "this path has other methods");
    error::response(&problem.into(), &RequestId::given(request.extensions()))
}
