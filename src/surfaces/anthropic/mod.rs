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
use axum::middleware::from_fn;
use axum::routing::{any, get, post};

use super::dialect::DialectConfig;
use super::dialect::served::{other_method, served, unknown};
use super::mount;
use error::Anthropic;

pub(super) use error::REQUEST_ID;

/// The routes, to stand beside the others of the public listener.
pub fn router(config: DialectConfig) -> Router {
    Router::new()
        .route("/anthropic/v1/messages", post(served::<Anthropic, _>(messages::create)))
        .route(
            "/anthropic/v1/messages/count_tokens",
            post(served::<Anthropic, _>(messages::count)),
        )
        .route(
            "/anthropic/v1/messages/batches",
            post(served::<Anthropic, _>(batches::create)).get(served::<Anthropic, _>(batches::list)),
        )
        .route(
            "/anthropic/v1/messages/batches/{id}",
            get(served::<Anthropic, _>(batches::show)),
        )
        .route(
            "/anthropic/v1/messages/batches/{id}/cancel",
            post(served::<Anthropic, _>(batches::cancel)),
        )
        .route(
            "/anthropic/v1/messages/batches/{id}/results",
            get(served::<Anthropic, _>(batches::results)),
        )
        .route("/anthropic/v1/models", get(served::<Anthropic, _>(models::list)))
        .route(
            "/anthropic/v1/models/{*model}",
            get(served::<Anthropic, _>(models::show)),
        )
        .method_not_allowed_fallback(other_method::<Anthropic>)
        .route("/anthropic/v1", any(unknown::<Anthropic>))
        .route("/anthropic/v1/{*path}", any(unknown::<Anthropic>))
        .layer(from_fn(mount::note))
        .with_state(Arc::new(config))
}
