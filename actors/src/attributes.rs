//! What a caller says of a call beside what it asks for: how urgent it is, what it needs, what rules may look at.
//!
//! Invariant: nothing here changes what a call asks for, so nothing here is part of its cache key.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How urgent a call is: where there is no room for all, the least urgent wait or are refused first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Nobody waits for it: batches, prefetching.
    Low,
    /// Whatever says nothing else.
    #[default]
    Normal,
    /// A person waits for it.
    High,
}

/// What a call needs most of the provider that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Performance {
    /// The soonest answer.
    LowLatency,
    /// As much work as all candidates together can do.
    HighThroughput,
    /// An answer, from whomever.
    BestEffort,
}

/// What a caller says of a call, and its surface knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// How urgent it is.
    pub priority: Priority,
    /// What it needs most; absent: its rules decide.
    pub performance: Option<Performance>,
    /// The size of its input, uploads of a known length included, in bytes.
    pub payload_bytes: u64,
    /// The model that it names.
    pub model: Option<Arc<str>>,
    /// Free words of the caller that rules may match, by name.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// Equal for calls that are best served by one provider, which has kept what they have in common: a conversation, a
    /// long prefix. Absent: what the call is about stands for it.
    pub affinity: Option<u64>,
}
