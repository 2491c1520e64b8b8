//! The fields of log events and spans, written so that no value can be more than a value.
//!
//! Invariant: what a field's value becomes is on one line, at most [`LONGEST_VALUE`] bytes before escaping, and holds no
//! character that moves a cursor, turns the direction of writing or cannot be seen.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

/// The most bytes of one value that are logged, the message included: room for a path or an error, not for a payload.
pub(super) const LONGEST_VALUE: usize = 1024;

/// Characters that do something instead of being seen: controls, line separators, marks without width, and those that
/// turn the direction of writing (Unicode Standard Annex 9 and its report 36, section 3.6).
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A byte of text that is a character which can be seen, told without decoding: nearly all that is logged.
fn is_plain(byte: u8) -> bool {
    (b' '..0x7f).contains(&byte)
}

/// Keeps the first bytes of what is written to it and counts the others.
#[derive(Default)]
struct Bounded {
    kept: String,
    cut: usize,
}

impl Bounded {
    fn of(value: fmt::Arguments<'_>) -> String {
        let mut bounded = Bounded::default();
        // A value whose Display fails has said what it could.
        let _ = bounded.write_fmt(value);
        let Bounded { mut kept, cut } = bounded;
        if cut > 0 {
            kept.push_str(&format!("… ({cut} more bytes)"));
        }
        kept
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = if self.cut == 0 {
            LONGEST_VALUE - self.kept.len()
        } else {
            0
        };
        let end = text.floor_char_boundary(room);
        self.kept.push_str(&text[..end]);
        self.cut += text.len() - end;
        Ok(())
    }
}

/// Writes `text` with its active characters escaped as in Rust's literals.
fn escape(writer: &mut impl fmt::Write, text: &str, quoted: bool) -> fmt::Result {
    let special = |byte: u8| !is_plain(byte) || (quoted && matches!(byte, b'"' | b'\\'));
    if !text.bytes().any(special) {
        return writer.write_str(text);
    }
    for c in text.chars() {
        match c {
            '\n' => writer.write_str("\\n")?,
            '\r' => writer.write_str("\\r")?,
            '\t' => writer.write_str("\\t")?,
            c if is_active(c) => write!(writer, "\\u{{{:x}}}", u32::from(c))?,
            '"' | '\\' if quoted => write!(writer, "\\{c}")?,
            c => writer.write_char(c)?,
        }
    }
    Ok(())
}

/// Fields for people: `name=value`, in quotes where the value could be taken for more than one.
pub(super) struct HumanFields;

impl<'w> FormatFields<'w> for HumanFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = HumanLine {
            writer,
            empty: true,
            outcome: Ok(()),
        };
        fields.record(&mut line);
        line.outcome
    }
}

/// Could be taken for the end of a value that stands without quotes.
fn is_end(c: char) -> bool {
    c.is_whitespace() || is_active(c) || matches!(c, '"' | '=' | '{' | '}')
}

struct HumanLine<'w> {
    writer: Writer<'w>,
    empty: bool,
    outcome: fmt::Result,
}

impl HumanLine<'_> {
    fn put(&mut self, field: &Field, value: fmt::Arguments<'_>, text: bool) {
        // Events of the `log` crate repeat their metadata as fields.
        if self.outcome.is_ok() && !field.name().starts_with("log.") {
            self.outcome = self.write(field.name(), &Bounded::of(value), text);
        }
    }

    fn write(&mut self, name: &str, value: &str, text: bool) -> fmt::Result {
        if !std::mem::take(&mut self.empty) {
            self.writer.write_char(' ')?;
        }
        if name == "message" {
            return escape(&mut self.writer, value, false);
        }
        if self.writer.has_ansi_escapes() {
            write!(self.writer, "\u{1b}[3m{name}\u{1b}[0m\u{1b}[2m=\u{1b}[0m")?;
        } else {
            self.writer.write_str(name)?;
            self.writer.write_char('=')?;
        }
        if !text && !value.is_empty() && !value.contains(is_end) {
            return self.writer.write_str(value);
        }
        self.writer.write_char('"')?;
        escape(&mut self.writer, value, true)?;
        self.writer.write_char('"')
    }
}

impl Visit for HumanLine<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"), false);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = field.name() != "message";
        // Most are short, and need no copy.
        if value.len() > LONGEST_VALUE || field.name().starts_with("log.") {
            self.put(field, format_args!("{value}"), text);
        } else if self.outcome.is_ok() {
            self.outcome = self.write(field.name(), value, text);
        }
    }

    // The error's own words alone: its causes may quote what must not be logged.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, format_args!("{value}"), false);
    }
}

/// The members of a JSON object, as text.
#[derive(Default)]
pub(super) struct Members(Vec<u8>);

impl Members {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Members(Vec::with_capacity(bytes))
    }

    pub(super) fn push(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        write_json(&mut self.0, value);
    }

    pub(super) fn push_object(&mut self, name: &str, members: &Members) {
        self.name(name);
        self.0.push(b'{');
        self.0.extend_from_slice(&members.0);
        self.0.push(b'}');
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object, without its braces.
    pub(super) fn text(&self) -> Cow<'_, str> {
        // Borrowed: JSON is UTF-8.
        String::from_utf8_lossy(&self.0)
    }

    fn name(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        write_json(&mut self.0, name);
        self.0.push(b':');
    }
}

fn write_json(text: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    if serde_json::to_writer(&mut *text, value).is_err() {
        // What fields hold (texts, numbers, true and false) never refuses to be written.
        text.extend_from_slice(b"null");
    }
}

/// Fields as JSON. A message is kept apart: it has a key of its own in a line.
#[derive(Default)]
pub(super) struct JsonFields {
    pub(super) members: Members,
    pub(super) message: Option<String>,
}

impl JsonFields {
    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let text = Bounded::of(value);
        match field.name() {
            "message" => self.message = Some(text),
            name => self.members.push(name, &text),
        }
    }

    fn set(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        self.members.push(field.name(), value);
    }
}

impl Visit for JsonFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // Most are short, and need no copy.
        match value.len() <= LONGEST_VALUE && field.name() != "message" {
            true => self.set(field, value),
            false => self.text(field, format_args!("{value}")),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, &value);
    }

    // As above.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field, format_args!("{value}"));
    }
}

/// The fields of spans as JSON objects, for [`super::json::JsonLines`].
pub(super) struct JsonSpans;

impl JsonSpans {
    fn object<R: RecordFields>(fields: R) -> String {
        let mut text = JsonFields::default();
        fields.record(&mut text);
        format!("{{{}}}", text.members.text())
    }
}

impl<'w> FormatFields<'w> for JsonSpans {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        writer.write_str(&Self::object(fields))
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
        let mut all = object(&current.fields);
        all.extend(object(&Self::object(fields)));
        current.fields = Value::Object(all).to_string();
        Ok(())
    }
}

/// A JSON text without active characters: they stand in its strings alone, and become JSON's own escapes there.
pub(super) fn inert(json: &str) -> Cow<'_, str> {
    if json.bytes().all(is_plain) || !json.contains(is_active) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_active(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_is_one_bounded_inert_line(text in "\\PC{0,40}|.{0,2000}", more in any::<[char; 4]>()) {
            let text: String = text.chars().chain(more).collect();
            let mut line = String::new();
            escape(&mut line, &Bounded::of(format_args!("{text}")), true).unwrap();
            prop_assert!(!line.contains(is_active), "{line:?}");
            prop_assert!(line.len() <= 10 * LONGEST_VALUE + 40);
            let cut = text.len() > LONGEST_VALUE;
            prop_assert_eq!(line.contains("… ("), cut || text.contains("… ("));
        }

        #[test]
        fn json_means_the_same_when_it_is_inert(text in ".{0,80}", more in any::<[char; 4]>()) {
            let text: String = text.chars().chain(more).collect();
            let json = Value::from(text).to_string();
            let inert = inert(&json);
            prop_assert!(!inert.contains(is_active));
            prop_assert_eq!(serde_json::from_str::<Value>(&inert).unwrap().to_string(), json);
        }
    }
}
