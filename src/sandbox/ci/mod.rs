//! A CI server in memory, in no vendor's words: projects with their workflows, runs in attempts, jobs, steps, logs,
//! artifacts and secrets.
//!
//! The vendors' folders put their wire formats over it. A project is whatever a vendor hangs runs on: a repository, or a
//! job in folders. What is pending moves on by being read, and how a run ends is chosen by who starts it (see [`outcome`]).
//!
//! Invariant: no vendor is named here, no clock moves anything, and nothing here knows of HTTP.

mod acts;
mod artifact;
mod attempt;
mod changes;
mod ending;
mod job;
mod lines;
pub(crate) mod outcome;
mod plan;
mod progress;
mod project;
mod refused;
mod run;
mod secret;
mod seeded;
mod seen;
mod server;
mod zip;

pub(crate) use acts::{Again, Cancelling, Trigger};
pub(crate) use artifact::Artifact;
pub(crate) use attempt::Attempt;
pub(crate) use changes::key;
pub(crate) use ending::{Ending, Stage};
pub(crate) use job::{JobView, Step};
pub(crate) use lines::{Line, Stream};
pub(crate) use plan::{Event, Gate, Workflow};
pub(crate) use project::Project;
pub(crate) use refused::Refused;
pub(crate) use run::Run;
pub(crate) use secret::Secret;
pub(crate) use server::Ci;
pub(crate) use zip::zip;
