//! When a request came.
//!
//! Invariant: a call's time runs from the head of its request, whatever its body takes.

use http::Extensions;
use tokio::time::Instant;

/// When a request's head was whole.
#[derive(Clone, Copy, Debug)]
pub struct Arrival(pub Instant);

impl Arrival {
    /// What the listener noted; now, where no listener is in front.
    pub fn of(extensions: &Extensions) -> Instant {
        extensions
            .get::<Arrival>()
            .map_or_else(Instant::now, |arrival| arrival.0)
    }
}
