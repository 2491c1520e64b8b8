//! How long an input is as JSON.
//!
//! Invariant: nobody writes one to learn it: what is written anyway is counted, and what came as a value is looked through
//! once, without a copy.

use std::fmt::{self, Write as _};
use std::io;

use serde_json::Value;

/// Counts what is written, in bytes, and keeps nothing.
#[derive(Debug, Default)]
pub(super) struct Counted(pub u64);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Counted {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len() as u64;
        Ok(())
    }
}

/// The length of a value as JSON without white space, in bytes; a sign that is written by more than itself in a text (a
/// quotation mark, a line's end) counts as itself. Its depth is bounded where it is read.
pub(super) fn about(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => {
            let mut counted = Counted::default();
            // A counter takes all that it is given.
            write!(counted, "{number}").map_or(0, |()| counted.0)
        }
        Value::String(text) => quoted(text),
        Value::Array(items) => 2 + between(items.len()) + items.iter().map(about).sum::<u64>(),
        Value::Object(fields) => {
            let each = fields.iter().map(|(name, value)| quoted(name) + 1 + about(value));
            2 + between(fields.len()) + each.sum::<u64>()
        }
    }
}

fn quoted(text: &str) -> u64 {
    2 + text.len() as u64
}

/// The commas between so many.
fn between(count: usize) -> u64 {
    count.saturating_sub(1) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_counts_as_it_is_written() {
        for value in [
            json!(null),
            json!([true, false, 0, -12, 1.5, 1e300, 18_446_744_073_709_551_615_u64]),
            json!([]),
            json!({}),
            json!({"model": "m", "messages": [{"role": "user", "content": "\u{e9}t\u{e9}"}, {}], "n": {"a": []}}),
        ] {
            assert_eq!(about(&value), value.to_string().len() as u64, "{value}");
        }
        // Quotation marks and lines are counted once each.
        assert_eq!(about(&json!("\"\n")), 4);
    }
}
