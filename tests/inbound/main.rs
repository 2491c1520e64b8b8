//! Listeners against clients that do not read, send slowly, leave half way or say what is no request, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod http;
mod places;
mod unread;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use mosaic::server::{Listener, ServerLimits};
use support::fake::Gate;
use support::listen;

/// A listener with answers of all sizes.
pub struct Stage {
    pub listener: Listener,
    /// Holds what waits at `/slow`.
    pub gate: Gate,
    /// Requests that got to `/large`.
    pub asked: Arc<AtomicUsize>,
}

/// Bytes of the answer at `/large`.
pub const LARGE: usize = 4 << 20;

impl Stage {
    pub async fn open(limits: ServerLimits) -> Stage {
        let (gate, asked) = (Gate::default(), Arc::<AtomicUsize>::default());
        let counted = asked.clone();
        let large = Bytes::from(vec![b'x'; LARGE]);
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/echo", post(|body: Bytes| async { body }))
            .route(
                "/large",
                get(move || {
                    counted.fetch_add(1, Ordering::Relaxed);
                    std::future::ready(large.clone())
                }),
            )
            .route("/slow", gate.route());
        Stage {
            listener: listen(limits, router).await,
            gate,
            asked,
        }
    }
}
