//! What others, mostly CI, say of a commit.
//!
//! Invariant: a status keeps the word that it was given.

/// One word on a commit.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub id: u64,
    pub commit: String,
    /// In the words of the forge's API.
    pub state: String,
    pub context: String,
    pub description: Option<String>,
    pub target_url: Option<String>,
    pub creator: &'static str,
    pub created_at: String,
}
