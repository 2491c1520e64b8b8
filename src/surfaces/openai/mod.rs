//! `/openai/v1`: models as the clients of one vendor ask for them, whoever answers.
//!
//! Invariant: a client that knows that vendor's API needs another address and a key of ours, and nothing else; what it is
//! refused with has that API's form, too.

mod batch_lines;
mod batches;
mod chat;
mod chat_input;
mod chat_said;
mod chat_stream;
mod content;
mod embeddings;
mod error;
mod files;
mod form;
mod models;
mod moderations;
mod responses;
mod tools;

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
        .route("/openai/v1/chat/completions", post(chat::create))
        .route("/openai/v1/responses", post(responses::create))
        .route("/openai/v1/responses/{id}", get(responses::show))
        .route("/openai/v1/responses/{id}/cancel", post(responses::cancel))
        .route("/openai/v1/embeddings", post(embeddings::create))
        .route("/openai/v1/moderations", post(moderations::create))
        .route("/openai/v1/models", get(models::list))
        .route("/openai/v1/models/{*model}", get(models::show))
        .route("/openai/v1/files", post(files::upload))
        .route("/openai/v1/files/{id}", get(files::show))
        .route("/openai/v1/files/{id}/content", get(files::content))
        .route("/openai/v1/batches", post(batches::create).get(batches::list))
        .route("/openai/v1/batches/{id}", get(batches::show))
        .route("/openai/v1/batches/{id}/cancel", post(batches::cancel))
        .method_not_allowed_fallback(other_method)
        .route("/openai/v1", any(unknown))
        .route("/openai/v1/{*path}", any(unknown))
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
