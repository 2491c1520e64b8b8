//! Streamed bodies: typed events or bytes, in bounded channels with an explicit end.
//!
//! Invariant: a stream ends either cleanly or with a typed failure, and that end is told once, to whoever watches it. A
//! sender that vanishes is a failure, never a clean end.

mod account;
mod body;
mod bytes;
mod frame;

pub use account::{FRAMES_IN_FLIGHT, Measured, StreamEnd, StreamTotals};
pub use body::{BodyStream, Piece, ReceiverGone, Sender, body_stream};
pub use bytes::{ByteStream, Place, UPLOAD_FIELD, Upload};
pub use frame::{Event, Frame, Tally, Usage};
