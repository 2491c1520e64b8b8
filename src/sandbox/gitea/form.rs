//! What a request says, as Gitea reads it.
//!
//! Invariant: a field of the wrong type is refused by its name, never taken for absent; the case of names does not matter.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use super::problem::Problem;
use crate::sandbox::forge::seconds;

/// A body that is a JSON object, or nothing.
pub(crate) struct Form(Value);

impl Form {
    pub fn read(body: &Bytes) -> Result<Self, Problem> {
        if body.is_empty() {
            return Ok(Self(Value::Null));
        }
        let fields: Value =
            serde_json::from_slice(body).map_err(|error| Problem::invalid(format!("[]: json: {error}")))?;
        match fields {
            Value::Object(_) | Value::Null => Ok(Self(fields)),
            other => Err(Problem::invalid(format!(
                "[]: json: cannot unmarshal {} into Go value",
                kind(&other)
            ))),
        }
    }

    pub fn value(&self, field: &str) -> &Value {
        let Value::Object(fields) = &self.0 else {
            return &Value::Null;
        };
        let found = fields.get(field).or_else(|| {
            let mut fields = fields.iter();
            let found = fields.find(|(name, _)| name.eq_ignore_ascii_case(field));
            found.map(|(_, value)| value)
        });
        found.unwrap_or(&Value::Null)
    }

    pub fn text(&self, field: &str) -> Result<Option<&str>, Problem> {
        match self.value(field) {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            other => Err(wrong(field, other)),
        }
    }

    /// A text that is given and not empty: an empty one is as good as none.
    pub fn filled(&self, field: &str) -> Result<Option<&str>, Problem> {
        Ok(self.text(field)?.filter(|text| !text.is_empty()))
    }

    /// A text that there must be; `name` is how Gitea's refusals call it.
    pub fn required(&self, field: &str, name: &str) -> Result<&str, Problem> {
        let text = self.text(field)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| Problem::invalid(format!("[{name}]: Required")))
    }

    pub fn flag(&self, field: &str) -> Result<Option<bool>, Problem> {
        match self.value(field) {
            Value::Null => Ok(None),
            Value::Bool(flag) => Ok(Some(*flag)),
            other => Err(wrong(field, other)),
        }
    }

    pub fn number(&self, field: &str) -> Result<Option<i64>, Problem> {
        match self.value(field) {
            Value::Null => Ok(None),
            value => value.as_i64().map(Some).ok_or_else(|| wrong(field, value)),
        }
    }

    pub fn texts(&self, field: &str) -> Result<Option<Vec<String>>, Problem> {
        self.list(field, |entry| entry.as_str().map(str::to_owned))
    }

    pub fn numbers(&self, field: &str) -> Result<Option<Vec<i64>>, Problem> {
        self.list(field, Value::as_i64)
    }

    fn list<T>(&self, field: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<Vec<T>>, Problem> {
        let entries = match self.value(field) {
            Value::Null => return Ok(None),
            Value::Array(entries) => entries,
            other => return Err(wrong(field, other)),
        };
        let read = |entry| read(entry).ok_or_else(|| wrong(field, entry));
        entries.iter().map(read).collect::<Result<_, _>>().map(Some)
    }

    /// A part of it that is an object.
    pub fn part(&self, field: &str) -> Result<Option<Self>, Problem> {
        match self.value(field) {
            Value::Null => Ok(None),
            Value::Object(fields) => Ok(Some(Self(Value::Object(fields.clone())))),
            other => Err(wrong(field, other)),
        }
    }

    /// A list of objects.
    pub fn parts(&self, field: &str) -> Result<Vec<Self>, Problem> {
        let read = |entry: &Value| entry.is_object().then(|| Self(entry.clone()));
        Ok(self.list(field, read)?.unwrap_or_default())
    }

    /// A time, in seconds of UTC.
    pub fn time(&self, field: &str) -> Result<Option<String>, Problem> {
        let Some(text) = self.filled(field)? else {
            return Ok(None);
        };
        let refused = || Problem::invalid(format!("[]: parsing time {text:?} as RFC 3339"));
        seconds(text).map(Some).ok_or_else(refused)
    }

    /// Bytes in base64, which may be broken into lines.
    pub fn bytes(&self, field: &str) -> Result<Bytes, Problem> {
        let mut letters = self.text(field)?.unwrap_or_default().as_bytes().to_vec();
        letters.retain(|letter| !matches!(letter, b'\r' | b'\n'));
        let bytes = STANDARD.decode(letters);
        bytes
            .map(Bytes::from)
            .map_err(|error| Problem::invalid(format!("illegal base64 data: {error}")))
    }
}

/// How Go calls a value's type.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong(field: &str, value: &Value) -> Problem {
    let kind = kind(value);
    Problem::invalid(format!(
        "[]: json: cannot unmarshal {kind} into Go struct field .{field}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &'static str) -> Form {
        Form::read(&Bytes::from_static(text.as_bytes())).unwrap()
    }

    #[test]
    fn a_wrong_type_is_not_taken_for_nothing() {
        let form = form(r#"{"a": 1, "b": null, "c": "x", "d": ["x", 1]}"#);
        assert!(form.text("a").is_err() && form.flag("c").is_err() && form.number("c").is_err());
        assert!(form.texts("d").is_err() && form.numbers("d").is_err() && form.parts("d").is_err());
        assert!(form.part("c").is_err() && form.time("c").is_err());
        assert_eq!(form.text("b").unwrap(), None);
        assert!(form.required("b", "B").is_err() && form.required("c", "C").is_ok());
        assert!(Form::read(&Bytes::from_static(b"[]")).is_err());
    }

    #[test]
    fn names_have_any_case_and_nothing_is_an_empty_form() {
        assert_eq!(form(r#"{"Do": "merge"}"#).text("do").unwrap(), Some("merge"));
        assert_eq!(form("").text("do").unwrap(), None);
        assert_eq!(form(r#"{"a": "aGVs\nbG8="}"#).bytes("a").unwrap(), "hello");
    }
}
