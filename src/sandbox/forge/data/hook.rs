//! A hook: whom a forge tells of events.
//!
//! Invariant: there is no place for the secret, which is written and never read.

/// A hook.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub id: u64,
    pub url: String,
    /// In the words of the forge's API.
    pub events: Vec<String>,
    pub active: bool,
    pub content_type: String,
    pub insecure_tls: bool,
    /// Whether a secret was given.
    pub signed: bool,
    pub created_at: String,
}
