//! JSON in which no object gives a key twice, and whose tree is not out of all proportion to its text.
//!
//! Invariant: what two readers could understand differently is refused, with the key's name; a value that was read takes
//! a hundred bytes, so their number is bounded.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most bytes of a key that an error names.
const LONGEST_NAME: usize = 128;

/// The most values of a text, those within others included: a hundred times what the longest input of ours has.
pub const MOST_VALUES: usize = 100_000;

/// Why a text was refused.
#[derive(Debug)]
pub enum Refused {
    /// An object gives this key twice.
    Twice(String),
    /// It has more than [`MOST_VALUES`].
    TooMany,
    /// It is no JSON; the sentence tells the place and quotes nothing.
    NotJson(serde_json::Error),
}

/// Reads a value.
///
/// # Errors
/// [`Refused`].
pub fn parse(json: &[u8]) -> Result<Value, Refused> {
    let seen = Seen::default();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = Strict(&seen).deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| seen.refused.take().unwrap_or(Refused::NotJson(error)))
}

/// What was seen of a text.
#[derive(Default)]
struct Seen {
    values: Cell<usize>,
    refused: Cell<Option<Refused>>,
}

/// Reads a value.
#[derive(Clone, Copy)]
struct Strict<'s>(&'s Seen);

impl Strict<'_> {
    fn refuse<E: Error>(self, why: Refused) -> E {
        self.0.refused.set(Some(why));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        let values = self.0.values.get() + 1;
        self.0.values.set(values);
        if values > MOST_VALUES {
            return Err(self.refuse(Refused::TooMany));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if values.contains_key(&key) {
                let shown = key.floor_char_boundary(LONGEST_NAME);
                return Err(self.refuse(Refused::Twice(key[..shown].to_owned())));
            }
            let value = fields.next_value_seed(self)?;
            values.insert(key, value);
        }
        Ok(values.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_given_twice_is_named_wherever_it_stands_values_are_counted_and_all_else_is_as_it_was() {
        let text = r#"{"a": [1, -2, 0.5, null, true, "x\n"], "b": {"a": {}, "c": []}}"#;
        let plain: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse(text.as_bytes()).unwrap(), plain);
        for (text, name) in [
            (r#"{"a": 1, "b": 2, "a": 1}"#, "a"),
            (r#"{"a": [{"b": {"c": 1, "\u0063": 2}}]}"#, "c"),
        ] {
            assert!(
                matches!(parse(text.as_bytes()), Err(Refused::Twice(twice)) if twice == name),
                "{text}"
            );
        }
        let many = |count| format!("[{}1]", "1,".repeat(count - 2));
        assert!(parse(many(MOST_VALUES).as_bytes()).is_ok());
        assert!(matches!(parse(many(MOST_VALUES + 1).as_bytes()), Err(Refused::TooMany)));
        for text in ["", "{", "{} 1", "[1,]", &"[".repeat(200)] {
            assert!(matches!(parse(text.as_bytes()), Err(Refused::NotJson(_))), "{text}");
        }
    }
}
