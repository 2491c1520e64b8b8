//! What a request says, as JSON.
//!
//! Invariant: a field of the wrong type is refused by its name, never taken for absent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::problem::Problem;
use crate::sandbox::forge::{Signature, now, seconds};

/// A body that is a JSON object.
pub(crate) struct Input {
    /// How GitHub calls what is written.
    resource: &'static str,
    fields: Value,
}

impl Input {
    pub fn read(body: &Bytes, resource: &'static str) -> Result<Self, Problem> {
        let wrong = |message| Problem::new(StatusCode::BAD_REQUEST, message);
        let fields: Value = serde_json::from_slice(body).map_err(|_| wrong("Problems parsing JSON"))?;
        match fields.is_object() {
            true => Ok(Self { resource, fields }),
            false => Err(wrong("Body should be a JSON object")),
        }
    }

    /// The same where nothing need be said.
    pub fn read_optional(body: &Bytes, resource: &'static str) -> Result<Self, Problem> {
        match body.is_empty() {
            true => Self::read(&Bytes::from_static(b"{}"), resource),
            false => Self::read(body, resource),
        }
    }

    /// A part of it that is an object.
    pub fn part(&self, field: &'static str) -> Result<Option<Self>, Problem> {
        match &self.fields[field] {
            Value::Null => Ok(None),
            Value::Object(fields) => Ok(Some(Self {
                resource: self.resource,
                fields: fields.clone().into(),
            })),
            _ => Err(self.wrong(field)),
        }
    }

    /// Whether a field is there, null or not.
    pub fn gives(&self, field: &str) -> bool {
        self.fields.get(field).is_some()
    }

    pub fn value(&self, field: &str) -> &Value {
        &self.fields[field]
    }

    pub fn text(&self, field: &str) -> Result<Option<&str>, Problem> {
        match &self.fields[field] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(self.wrong(field)),
        }
    }

    /// A text that is given and not empty.
    pub fn required(&self, field: &str) -> Result<&str, Problem> {
        let text = self.text(field)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| Problem::field(self.resource, field, "missing_field"))
    }

    pub fn flag(&self, field: &str) -> Result<Option<bool>, Problem> {
        match &self.fields[field] {
            Value::Null => Ok(None),
            Value::Bool(flag) => Ok(Some(*flag)),
            _ => Err(self.wrong(field)),
        }
    }

    /// A list of texts.
    pub fn texts(&self, field: &str) -> Result<Option<Vec<String>>, Problem> {
        let entries = match &self.fields[field] {
            Value::Null => return Ok(None),
            Value::Array(entries) => entries,
            _ => return Err(self.wrong(field)),
        };
        let texts: Option<_> = entries.iter().map(|entry| entry.as_str().map(str::to_owned)).collect();
        texts.map(Some).ok_or_else(|| self.wrong(field))
    }

    /// Bytes in base64, which may be broken into lines.
    pub fn bytes(&self, field: &str) -> Result<Option<Bytes>, Problem> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        let mut letters = text.as_bytes().to_vec();
        letters.retain(|letter| !letter.is_ascii_whitespace());
        let bytes = STANDARD.decode(letters).map_err(|_| {
            let message = format!("{field} is not valid Base64");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message)
        })?;
        Ok(Some(bytes.into()))
    }

    /// Who did something: `name` and `email` are needed, `date` is now unless given.
    pub fn signature(&self, field: &'static str) -> Result<Option<Signature>, Problem> {
        let Some(person) = self.part(field)? else {
            return Ok(None);
        };
        let at = match person.text("date")? {
            Some(date) => seconds(date).ok_or_else(|| person.wrong("date"))?,
            None => now(),
        };
        Ok(Some(Signature {
            name: person.required("name")?.to_owned(),
            email: person.required("email")?.to_owned(),
            at,
        }))
    }

    /// A field with a value that it cannot have.
    pub fn wrong(&self, field: &str) -> Problem {
        match &self.fields[field] {
            Value::String(value) => Problem::invalid(self.resource, field, value),
            _ => Problem::field(self.resource, field, "invalid"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &'static str) -> Input {
        Input::read(&Bytes::from_static(text.as_bytes()), "Thing").unwrap()
    }

    #[test]
    fn a_wrong_type_is_not_taken_for_nothing() {
        let input = input(r#"{"a": 1, "b": null, "c": "x", "d": ["x", 1]}"#);
        assert!(input.text("a").is_err() && input.flag("c").is_err() && input.texts("d").is_err());
        assert!(input.part("c").is_err());
        assert_eq!(input.text("b").unwrap(), None);
        assert!(input.required("b").is_err() && input.required("c").is_ok());
    }

    #[test]
    fn base64_may_be_broken_into_lines() {
        let input = input(r#"{"a": "aGVs\nbG8=\n", "b": "?"}"#);
        assert_eq!(input.bytes("a").unwrap().unwrap(), "hello");
        assert!(input.bytes("b").is_err());
    }

    #[test]
    fn nothing_is_an_object_only_where_nothing_need_be_said() {
        assert!(Input::read(&Bytes::new(), "Thing").is_err());
        assert!(Input::read_optional(&Bytes::new(), "Thing").is_ok());
        assert!(Input::read_optional(&Bytes::from_static(b"[]"), "Thing").is_err());
    }
}
