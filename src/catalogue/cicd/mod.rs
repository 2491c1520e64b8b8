//! CI/CD: pipelines, their runs, and what runs leave behind.
//!
//! Invariant: a run's neutral id, `instance~project#number`, names it at every surface, and a unified status never
//! stands without the provider's own word beside it.

mod artifact;
mod asked;
mod control;
mod job;
mod log;
mod pipeline;
mod queue;
mod run;
mod secret;
pub(super) mod topics;

pub use artifact::{Artifact, ArtifactFormat, ArtifactGet, ArtifactGetInput, ArtifactList, ArtifactListInput};
pub use asked::{Awaited, Parameter, ParameterKind};
pub use control::{
    OrderOutcome, Ordered, RunApprove, RunApproveInput, RunCancel, RunCancelInput, RunDelete, RunDeleteInput, RunRerun,
    RunRerunFailed, RunRerunFailedInput, RunRerunInput, RunWait, RunWaitInput, Waited, tag_of_run,
};
pub use job::{Job, RunJobs, RunJobsInput};
pub use log::{
    Log, LogDelete, LogDeleteInput, LogEvent, LogFollow, LogFollowInput, LogGet, LogGetInput, LogLine, LogStream,
};
pub use pipeline::{Pipeline, PipelineList, PipelineListInput};
pub use queue::{QueueItem, QueueList, QueueListInput};
pub use run::{
    Run, RunGet, RunGetInput, RunList, RunListInput, RunResolve, RunResolveInput, RunStatus, RunTrigger,
    RunTriggerInput, Step, TriggerOutcome, Triggered,
};
pub use secret::{SecretPut, SecretPutInput, SecretWritten};
