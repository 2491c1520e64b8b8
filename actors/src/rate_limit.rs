//! What a provider says of its limits on us.
//!
//! Invariant: a number is the provider's own word, and one that holds no more is absent.

use std::sync::Arc;

use serde::Serialize;

/// One of a provider's limits on whoever comes with one credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// What is limited, in the provider's word: `core`, `tokens`. A driver knows few of them, however many a provider names.
    pub resource: Arc<str>,
    /// What is granted in a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What is left of it; absent where the window that this was said of has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// What was taken of it, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// When the next window begins, or began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_unix_ms: Option<u64>,
    /// When the provider said so.
    pub seen_unix_ms: u64,
}
