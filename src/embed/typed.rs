//! A typed answer.
//!
//! Invariant: the output is shared, never copied, because a cached answer has many readers.

use std::sync::Arc;

use mosaic_actors::call::Head;

/// A typed answer.
#[derive(Debug)]
pub struct Typed<T> {
    /// The output; shared, because a cached answer has many readers.
    pub value: Arc<T>,
    /// Who answered, from where, after how many attempts.
    pub head: Head,
}
