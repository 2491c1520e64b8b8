//! Panics of drivers, caught.
//!
//! Invariant: the text is short and the panic goes no further.

use std::any::Any;

/// What a panic said, shortened: panics are ours and speak of code, but a dependency's may quote its input.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    const LONGEST: usize = 200;
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned());
    text.chars().take(LONGEST).collect()
}
