//! What became of a removal.
//!
//! Invariant: what is only planned never says that it is done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::op::Output;

/// What became of a removal.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deleted {
    /// Whether it is gone.
    pub outcome: DeleteOutcome,
    /// The commit that took it away, where a commit did.
    pub commit: Option<String>,
}

/// Whether what was to be removed is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeleteOutcome {
    /// It is gone.
    Deleted,
    /// The provider has marked it, and takes it away later.
    Scheduled,
    /// It is in the provider's trash, and can be restored.
    Trashed,
}

impl Deleted {
    /// It is gone.
    pub fn done() -> Self {
        Deleted {
            outcome: DeleteOutcome::Deleted,
            commit: None,
        }
    }

    /// It will be gone.
    pub fn scheduled() -> Self {
        Deleted {
            outcome: DeleteOutcome::Scheduled,
            ..Self::done()
        }
    }

    /// It is in the trash.
    pub fn trashed() -> Self {
        Deleted {
            outcome: DeleteOutcome::Trashed,
            ..Self::done()
        }
    }
}

impl<I> Output<I> for Deleted {}
