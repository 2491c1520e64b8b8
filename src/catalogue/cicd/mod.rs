//! CI/CD: runs of pipelines and their logs.
//!
//! Invariant: a run's neutral id, `instance~project#number`, names it at every surface, and a unified status never
//! stands without the provider's own word beside it.

mod log;
mod run;

pub use log::{Log, LogGet, LogGetInput, LogLine, LogStream};
pub use run::{
    Run, RunGet, RunGetInput, RunList, RunListInput, RunStatus, RunTrigger, RunTriggerInput, Step, TriggerOutcome,
    Triggered,
};
