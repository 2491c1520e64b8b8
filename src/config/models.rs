//! What is known of models beside what their providers tell, and what else they may be called.
//!
//! Invariant: without a file, what is known is what came along with the program.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[models]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// A file that says better what models can and cost than the table that comes along, in the same form.
    #[schemars(with = "Option<String>", length(max = 4096))]
    pub file: Option<PathBuf>,
    /// Names of one's own, each for a model, or for several of which the next is asked where one cannot be had.
    pub aliases: BTreeMap<String, Vec<String>>,
}
