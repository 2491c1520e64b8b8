//! What drivers of CI servers share: waiting for a run, following a log, and lists that come whole.
//!
//! Invariant: no provider's name and no wire type appears here, and whatever asks again and again does so ever more rarely
//! and within a bound.

pub mod actions;
mod approval;
mod counter;
mod follow;
mod held;
mod lines;
mod names;
mod part;
mod pauses;
mod sought;
mod wait;

pub use approval::plain;
pub use counter::Counter;
pub use follow::{Followed, Then, Told, follow};
pub use held::{Held, held};
pub use lines::{Growing, stdout};
pub use names::{listed, shown};
pub use part::part;
pub use sought::{not_begun, run_of, wait_for};
pub use wait::{Look, wait};
