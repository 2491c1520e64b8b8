//! The place of a connection that HTTP has left to another protocol.
//!
//! Invariant: as long as it is held the connection counts among its listener's, and is among those that a drain waits for.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use http::Extensions;
use tokio_util::sync::CancellationToken;

/// What holds a connection's place, and hears of the listener's end. Clones are the same one.
#[derive(Clone)]
pub struct Tenure(Arc<Held>);

struct Held {
    draining: CancellationToken,
    cut: CancellationToken,
    /// Dropped, the place is free.
    _place: Box<dyn Any + Send + Sync>,
}

impl Tenure {
    /// Holds `place`.
    pub fn new(draining: CancellationToken, cut: CancellationToken, place: impl Any + Send + Sync) -> Self {
        let _place = Box::new(place);
        Tenure(Arc::new(Held { draining, cut, _place }))
    }

    /// The one that the listener gave to this request; where no listener of ours is in front, one that nobody ends.
    pub fn of(extensions: &Extensions) -> Self {
        let none = || Tenure::new(CancellationToken::new(), CancellationToken::new(), ());
        extensions.get::<Tenure>().cloned().unwrap_or_else(none)
    }

    /// The listener takes nothing new: what is under way may end.
    pub fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    /// It ends now.
    pub fn cut(&self) -> &CancellationToken {
        &self.0.cut
    }
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenure").finish_non_exhaustive()
    }
}
