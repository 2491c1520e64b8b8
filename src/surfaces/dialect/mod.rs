//! What the dialects of vendors' own clients have in common: a request's head and body, its call, its answer's head, its
//! stream, and when a refused client may come again.
//!
//! Invariant: no dialect knows another; what both need stands here, and how one writes a thing stands with that dialect.

pub(super) mod data_url;
pub mod desk;
pub(super) mod fields;
pub(super) mod head;
pub(super) mod hints;
pub(super) mod home;
pub(super) mod kept;
pub(super) mod lines;
pub(super) mod listed;
pub(super) mod orderly;
pub(super) mod pages;
pub(super) mod query;
pub(super) mod refused;
pub(super) mod retry;
pub(super) mod served;
pub(super) mod sse;
pub(super) mod thoughts;
pub(super) mod time;
mod whole;

pub use desk::DialectConfig;
pub(super) use head::{COST, DECISION, WARNINGS};
pub(super) use retry::SHOULD_RETRY;
