//! What became of a removal.
//!
//! Invariant: what is only planned never says that it is done.

use mosaic_actors::call::Tag;
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
    /// Tags of what was named otherwise than by its own id; they are not told.
    #[serde(skip)]
    pub about: Vec<Tag>,
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
            about: Vec::new(),
        }
    }

    /// It is gone, or a part of it, and this is its own tag, by whatever name it was asked for.
    pub fn of(about: Tag) -> Self {
        Deleted {
            about: vec![about],
            ..Self::done()
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

impl<I> Output<I> for Deleted {
    fn tags(&self) -> Vec<Tag> {
        self.about.clone()
    }
}
