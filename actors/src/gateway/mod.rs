//! The gateway: the handle that callers hold, the actor that starts a task for each miss, and the task.
//!
//! Read in the order of a call: `handle`, `actor`, `task`, `attempts` (with `grant`, `hedged` and `attempt`), `renewal`, `invalidate`, `fill`, `settlement`.
//!
//! Invariant: imports run one way; the handle and the actor stand on top, and what they share (`job`, `admission`, `calls`,
//! `settings`) below.

pub(crate) mod actor;
pub(crate) mod admission;
mod attempt;
pub(crate) mod attempts;
pub(crate) mod calls;
mod dry_run;
pub(crate) mod env;
pub(crate) mod fill;
pub(crate) mod finished;
mod grant;
pub(crate) mod handle;
mod hedged;
pub(crate) mod invalidate;
pub(crate) mod job;
pub(crate) mod patience;
pub(crate) mod renewal;
pub(crate) mod settings;
pub(crate) mod settlement;
pub(crate) mod task;
mod tried;

pub use admission::{Attendance, Drained};
pub use calls::{CallSnapshot, CallStage};
pub use finished::FinishedCall;
pub use handle::Gateway;
pub use settings::Settings;
