//! What the access log need not tell at its usual level.
//!
//! Invariant: of a request that is marked here the log tells elsewhere, or nobody reads.

use axum::response::Response;

/// A response whose request is told of in the line of its call, or is a machine's that asks again and again.
#[derive(Clone, Copy, Debug)]
pub struct Unremarkable;

impl Unremarkable {
    /// Marks a response.
    pub fn mark(mut response: Response) -> Response {
        response.extensions_mut().insert(Unremarkable);
        response
    }

    /// Whether it is marked.
    pub fn is(response: &Response) -> bool {
        response.extensions().get::<Unremarkable>().is_some()
    }
}
