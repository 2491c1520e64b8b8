//! What the CI of forges shares: runs of workflow files, their jobs, and logs that are kept by job.
//!
//! Invariant: no provider's name and no wire type appears here; whatever is refused here was never sent.

mod dispatches;
mod jobs;
mod meant;
mod names;
mod orders;
mod pending;
mod polled;
mod text;

pub use dispatches::Dispatches;
pub use jobs::{found, log, missing, no_job, pick, step_id};
pub use meant::run;
pub use names::{Numbered, id, pipeline};
pub use orders::{for_all_events, meant, of_a_project, only, read_or_begun, resolved, started, state, told, untold};
pub use pending::{Pending, clock};
pub use polled::{Logged, polled};
pub use text::line;
