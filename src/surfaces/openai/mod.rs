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
use axum::middleware::from_fn;
use axum::routing::{any, get, post};

use super::dialect::DialectConfig;
use super::dialect::served::{other_method, served, unknown};
use super::mount;
use error::OpenAi;

/// The routes, to stand beside the others of the public listener.
pub fn router(config: DialectConfig) -> Router {
    Router::new()
        .route("/openai/v1/chat/completions", post(served::<OpenAi, _>(chat::create)))
        .route("/openai/v1/responses", post(served::<OpenAi, _>(responses::create)))
        .route("/openai/v1/responses/{id}", get(served::<OpenAi, _>(responses::show)))
        .route(
            "/openai/v1/responses/{id}/cancel",
            post(served::<OpenAi, _>(responses::cancel)),
        )
        .route("/openai/v1/embeddings", post(served::<OpenAi, _>(embeddings::create)))
        .route("/openai/v1/moderations", post(served::<OpenAi, _>(moderations::create)))
        .route("/openai/v1/models", get(served::<OpenAi, _>(models::list)))
        .route("/openai/v1/models/{*model}", get(served::<OpenAi, _>(models::show)))
        .route(
            "/openai/v1/files",
            post(served::<OpenAi, _>(files::upload)).get(served::<OpenAi, _>(files::list)),
        )
        .route(
            "/openai/v1/files/{id}",
            get(served::<OpenAi, _>(files::show)).delete(served::<OpenAi, _>(files::delete)),
        )
        .route(
            "/openai/v1/files/{id}/content",
            get(served::<OpenAi, _>(files::content)),
        )
        .route(
            "/openai/v1/batches",
            post(served::<OpenAi, _>(batches::create)).get(served::<OpenAi, _>(batches::list)),
        )
        .route("/openai/v1/batches/{id}", get(served::<OpenAi, _>(batches::show)))
        .route(
            "/openai/v1/batches/{id}/cancel",
            post(served::<OpenAi, _>(batches::cancel)),
        )
        .method_not_allowed_fallback(other_method::<OpenAi>)
        .route("/openai/v1", any(unknown::<OpenAi>))
        .route("/openai/v1/{*path}", any(unknown::<OpenAi>))
        .layer(from_fn(mount::note))
        .with_state(Arc::new(config))
}
