//! The administration among the tools: what the embedding offers of it.
//!
//! Invariant: nothing of it is there unless the embedding says so of the caller, for it shows and touches what is of all tenants.

use mosaic_actors::call::Caller;
use mosaic_actors::driver::BoxFuture;
use serde_json::{Map, Value};

use super::super::problem::Problem;

/// A tool of the administration.
#[derive(Clone, Debug)]
pub(crate) struct AdminTool {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, in a few words.
    pub(crate) title: &'static str,
    /// The same in a sentence or two, for models.
    pub(crate) description: &'static str,
    /// The JSON Schema of its input, an object.
    pub(crate) input: Map<String, Value>,
    /// It changes something.
    pub(crate) orders: bool,
    /// What it changes may be missed: calls are cut, or refused.
    pub(crate) destructive: bool,
}

/// Does what those tools say.
pub(crate) trait Administration: Send + Sync + 'static {
    /// Those that there are for `caller`.
    fn tools(&self, caller: &Caller) -> &[AdminTool];

    /// Runs one of those that there are for `caller`.
    ///
    /// # Errors
    /// As the admin listener's.
    fn run(&self, name: &str, arguments: Map<String, Value>, caller: &Caller) -> BoxFuture<Result<Value, Problem>>;
}
