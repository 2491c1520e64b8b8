//! A provider's own JSON beside the neutral one, as text.
//!
//! Invariant: it is as large in memory as it was on the wire; a tree of values would be up to seventy times that.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use memchr::memmem;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::link::bare;

/// Any JSON, unread. Cheap to clone.
#[derive(Clone)]
pub struct Raw(Arc<RawValue>);

impl Raw {
    /// Its text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The same without the fields of these names, wherever they stand; a field is meant however its name is cased.
    #[must_use]
    pub fn without(self, names: &[&str]) -> Raw {
        let mut value = self.to_value();
        match strip(&mut value, names) {
            // What is written anew is as sound as what was read.
            true => to_raw_value(&value).map(Raw::from).unwrap_or(self),
            false => self,
        }
    }

    /// The same without the names and passwords in its addresses.
    #[must_use]
    pub fn bare(self) -> Raw {
        // Nearly all end here: an address with a name in it has both.
        let stands = |sign: &[u8]| memmem::find(self.get().as_bytes(), sign).is_some();
        let named = stands(b"@") || stands(br"\u0040");
        if !named || !(stands(b"//") || stands(br"\/") || stands(br"\u002")) {
            return self;
        }
        let mut value = self.to_value();
        match disarm(&mut value) {
            // What is written anew is as sound as what was read.
            true => to_raw_value(&value).map(Raw::from).unwrap_or(self),
            false => self,
        }
    }

    /// It, read.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.get()).unwrap_or_default()
    }
}

/// Takes fields out; true where there was one.
fn strip(value: &mut Value, names: &[&str]) -> bool {
    match value {
        Value::Object(fields) => {
            let before = fields.len();
            fields.retain(|name, _| !names.iter().any(|taken| taken.eq_ignore_ascii_case(name)));
            let below = fields
                .values_mut()
                .fold(false, |taken, field| strip(field, names) | taken);
            below || fields.len() < before
        }
        Value::Array(rows) => rows.iter_mut().fold(false, |taken, row| strip(row, names) | taken),
        _ => false,
    }
}

/// Takes names and passwords out of what is an address and nothing else; true where there was one.
fn disarm(value: &mut Value) -> bool {
    match value {
        Value::String(text) => match bare(text) {
            Cow::Owned(bare) if !text.contains(char::is_whitespace) => {
                *text = bare;
                true
            }
            _ => false,
        },
        Value::Object(fields) => fields.values_mut().fold(false, |taken, field| disarm(field) | taken),
        Value::Array(rows) => rows.iter_mut().fold(false, |taken, row| disarm(row) | taken),
        _ => false,
    }
}

impl From<Box<RawValue>> for Raw {
    fn from(text: Box<RawValue>) -> Self {
        Raw(text.into())
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::serialize(&self.0, serializer)
    }
}

// By way of a value, since it may stand within an enum, whose content serde reads ahead. Answers are written by us and
// read by embedders alone.
impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(reader)?;
        to_raw_value(&value).map(Raw::from).map_err(D::Error::custom)
    }
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

// It is a payload and stays out of logs.
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.get().len())
    }
}

impl JsonSchema for Raw {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Value::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Value::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_is_gone_wherever_it_stood_and_all_else_stays() {
        let raw = |text: &str| Raw::from(RawValue::from_string(text.to_owned()).expect("JSON"));
        let hook =
            raw(r#"{"id": 7, "config": {"url": "u", "Secret": "PLANTED"}, "more": [{"token": "PLANTED", "x": 1}]}"#);
        let bare = hook.without(&["secret", "token"]);
        assert!(!bare.get().contains("PLANTED"), "{}", bare.get());
        assert_eq!(bare.get(), r#"{"id":7,"config":{"url":"u"},"more":[{"x":1}]}"#);
        // What holds none of them is as it was, to the letter.
        assert_eq!(raw("{ \"a\": 1.50 }").without(&["secret"]).get(), "{ \"a\": 1.50 }");
    }

    #[test]
    fn an_address_bears_no_password_however_its_signs_are_written() {
        for text in [
            r#"{"a":"https://u:PLANTED@h.example/x"}"#,
            r#"{"a":"https:\/\/u:PLANTED\u0040h.example\/x"}"#,
            r#"{"a":"https:\u002f\u002Fu:PLANTED\u0040h.example/x"}"#,
            r#"{"a":"https:\u002f/u:PLANTED@h.example/x"}"#,
        ] {
            let raw = Raw::from(RawValue::from_string(text.to_owned()).expect("JSON"));
            assert_eq!(raw.bare().get(), r#"{"a":"https://h.example/x"}"#, "{text}");
        }
    }
}
