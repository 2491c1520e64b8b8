//! Panics in the log: one event each, in the log's own form.
//!
//! Invariant: a panic is one event, and its text, which may quote a value, is bounded and on one line.

use std::panic::PanicHookInfo;

/// The longest text of a panic that is logged, in characters.
const LONGEST_TEXT: usize = 200;

/// Reports the process's panics to its log, in place of the backtrace on standard error that would break a log of one
/// line an event. For the binary alone, after [`super::init_logging`].
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(
            target: "mosaic::panic",
            thread = std::thread::current().name(),
            location,
            text = text(panic),
            "panicked"
        );
    }));
}

fn text(panic: &PanicHookInfo<'_>) -> String {
    let text = panic.payload_as_str().unwrap_or("a panic without a text");
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_long_text_becomes_one_bounded_line() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| log.lock().unwrap().push(text(panic))));
        let long = "x".repeat(300);
        let outcomes = [
            std::panic::catch_unwind(|| panic!("two\nlines")).is_err(),
            std::panic::catch_unwind(|| panic!("{long}")).is_err(),
            std::panic::catch_unwind(|| std::panic::panic_any(7)).is_err(),
        ];
        std::panic::set_hook(former);
        assert_eq!(outcomes, [true; 3]);
        // Tests of other threads may panic meanwhile.
        let seen = seen.lock().unwrap();
        for expected in ["two lines", &long[..LONGEST_TEXT], "a panic without a text"] {
            assert!(seen.iter().any(|text| text == expected), "{expected:?} in {seen:?}");
        }
    }
}
