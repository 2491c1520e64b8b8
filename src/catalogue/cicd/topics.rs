//! What answers about runs depend on.
//!
//! Invariant: what speaks of a project speaks of it also where a resource is a run of it.

use crate::catalogue::tags::Topic;

/// The pipelines of a project.
pub(super) const PIPELINES: Topic = Topic::whole("pipelines");
/// What waits.
pub(super) const QUEUE: Topic = Topic::all("queue");
/// One run.
pub(super) const RUN: Topic = Topic::whole("run");
/// The runs of a project.
pub(super) const RUNS: Topic = Topic::within("runs");
