//! What runs a gateway in this process, as the command line needs it.
//!
//! Invariant: the command line knows no engine, no configuration and no surface; it asks a [`Runtime`].

use std::path::PathBuf;
use std::sync::Arc;

use mosaic_actors::call::Answer;
use mosaic_actors::decision::Explained;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Upload;
use serde_json::Value;

use crate::catalogue::Entry;
use crate::dispatch::Options;

use super::problem::Problem;
use crate::doctor::Report;

/// Runs gateways. Given by `main`.
pub trait Runtime: Send + Sync + 'static {
    /// Serves until it is told to stop (SIGTERM, SIGINT), then drains.
    fn serve(&self, config: PathBuf) -> BoxFuture<Result<(), Problem>>;

    /// Checks a configuration without starting anything. The value is what `mosaic check` shows; each fault of the
    /// configuration is an error of the problem.
    fn check(&self, config: PathBuf) -> BoxFuture<Result<Value, Problem>>;

    /// Every setting that a start with this configuration would have in force, and where it came from.
    fn config(&self, config: PathBuf) -> BoxFuture<Result<Value, Problem>>;

    /// The commented reference of all keys, in TOML.
    fn reference(&self) -> &'static str;

    /// The JSON schema of a configuration.
    fn schema(&self) -> Value;

    /// The kinds of providers, each with its services, operations and settings.
    fn kinds(&self) -> Vec<Value>;

    /// Which kinds can do which operation: a row for each operation, with its name, `kinds` and `emulated`.
    fn matrix(&self) -> Value;

    /// The names of the provider instances of a configuration.
    fn instances(&self, config: PathBuf) -> BoxFuture<Result<Vec<String>, Problem>>;

    /// Copies the state that the configuration names to a new file. The value tells what was done.
    fn backup(&self, config: PathBuf, file: PathBuf) -> BoxFuture<Result<Value, Problem>>;

    /// Puts such a copy in the state's place. The value tells what was done.
    fn restore(&self, config: PathBuf, file: PathBuf) -> BoxFuture<Result<Value, Problem>>;

    /// Looks for what keeps a gateway from working. Whatever goes wrong is a finding.
    fn doctor(&self, config: Option<PathBuf>) -> BoxFuture<Report>;

    /// Shows the gateway at work against the sandbox; with `once`, ends by itself; with `json`, tells it in JSON lines.
    fn demo(&self, once: bool, json: bool) -> BoxFuture<Result<(), Problem>>;

    /// Serves the sandbox, the stand-in for every provider, until it is told to stop.
    fn sandbox(&self, config: Option<PathBuf>) -> BoxFuture<Result<(), Problem>>;

    /// Makes recorded decisions again by a configuration. The value tells how many were compared, as `compared`, and for which
    /// it would decide otherwise, as `differences`.
    fn compare(&self, config: PathBuf, recorded: Value) -> BoxFuture<Result<Value, Problem>>;

    /// Talks with the agent that has started this process, over standard input and output, through a gateway of this
    /// configuration. `toolsets` names some of its toolsets.
    #[cfg(feature = "mcp")]
    fn talk(&self, config: PathBuf, toolsets: Option<String>) -> BoxFuture<Result<(), Problem>>;

    /// Starts a gateway without listeners, for calls from this process. `keyed`: they are made under an idempotency key, so
    /// no other process may serve with the same state: each would take the other's claims for those of the dead.
    fn local(&self, config: Option<PathBuf>, keyed: bool) -> BoxFuture<Result<Box<dyn LocalCalls>, Problem>>;
}

/// A gateway that runs in this process.
pub trait LocalCalls: Send + Sync + 'static {
    /// Does one call, as the process's own caller.
    fn call(
        &self,
        entry: &'static Entry,
        input: Value,
        upload: Option<Arc<Upload>>,
        options: Options,
    ) -> BoxFuture<Result<Answer, Failure>>;

    /// Explains a call without making it.
    fn dry_run(&self, entry: &'static Entry, input: Value, options: Options) -> BoxFuture<Result<Value, Failure>>;

    /// A decision record as who runs the gateway reads it.
    fn told(&self, decision: &Explained) -> Value;

    /// Drains and stops.
    fn stop(self: Box<Self>) -> BoxFuture<()>;
}
