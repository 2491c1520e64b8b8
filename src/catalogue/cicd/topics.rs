//! What answers about runs depend on.
//!
//! Invariant: what speaks of a project speaks of it also where a resource is a run of it.

use crate::catalogue::tags::Topic;

/// The pipelines of a project.
pub(in crate::catalogue) const PIPELINES: Topic = Topic::whole("pipelines");
/// What waits.
pub(in crate::catalogue) const QUEUE: Topic = Topic::all("queue");
/// One run.
pub(in crate::catalogue) const RUN: Topic = Topic::whole("run");
/// The runs of a project.
pub(in crate::catalogue) const RUNS: Topic = Topic::within("runs");
