//! Reading JSON that is not quite as expected.
//!
//! Invariant: null, absent and odd are one thing: what cannot be read is as if it were not there, and only what is missing
//! then makes the whole unreadable. A reader pays for this only where the strict reading failed.

use mosaic_actors::error::{Failure, Kind};
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde_json::{Error, Map, Number, Value};
use serde_path_to_error::{Path, Segment};

use super::crowded::is_crowded;
use super::mend::mend;

/// The most that is left out of one value before it is given up.
const MOST_ODD: usize = 64;

/// Why JSON cannot be read. It names places by our own names and by their numbers, and never quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is no JSON, or the first part of one.
    NoJson,
    /// It begins with the mark of UTF-16 (or of UTF-32), which no JSON that is sent is in: RFC 8259, section 8.1. It is not
    /// decoded: what was looked for in it, our own secrets first, was looked for in UTF-8.
    Wide,
    /// More follows.
    GoesOn,
    /// What has to be there is missing or odd.
    At(String),
    /// More rows or values are in it than can be held.
    Crowded,
}

impl Unreadable {
    /// The failure; `row`: which of a list's it is, counted from 0.
    pub(super) fn failure(&self, row: Option<usize>) -> Failure {
        let row = row.map(|row| format!("[{row}]")).unwrap_or_default();
        let sentence = match self {
            Unreadable::NoJson => "the answer is not JSON, or broke off".to_owned(),
            Unreadable::Wide => "the answer is in UTF-16, and JSON is sent in UTF-8 (RFC 8259)".to_owned(),
            Unreadable::GoesOn => "the answer goes on behind its JSON".to_owned(),
            Unreadable::Crowded => return too_many(),
            Unreadable::At(place) if row.is_empty() || place == "." => {
                format!(
                    "the answer is not as expected at {}",
                    if row.is_empty() { place } else { &row }
                )
            }
            Unreadable::At(place) => format!("the answer is not as expected at {row}.{place}"),
        };
        Failure::new(Kind::UpstreamFailed, sentence).not_usable()
    }
}

/// As one that is larger than is held: it may be sound.
fn too_many() -> Failure {
    let sentence = "the answer has more rows or values than can be held";
    Failure::new(Kind::UpstreamFailed, sentence).not_usable().but_sound()
}

/// Whether a text begins with the mark of UTF-16, in either order of its bytes; so does the one of UTF-32.
pub(super) fn is_wide(text: &[u8]) -> bool {
    matches!(text, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
}

/// Reads JSON that a provider sent.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unreadable> {
    if is_crowded(json) {
        return Err(Unreadable::Crowded);
    }
    serde_json::from_slice(json).or_else(|_| match is_wide(json) {
        true => Err(Unreadable::Wide),
        false => read_odd(&mend(json)),
    })
}

fn read_odd<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unreadable> {
    if let Ok(value) = serde_json::from_slice(json) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let mut value = de::Deserialize::deserialize(&mut reader).map_err(|_| Unreadable::NoJson)?;
    reader.end().map_err(|_| Unreadable::GoesOn)?;
    let mut blamed = String::new();
    for _ in 0..MOST_ODD {
        let error = match serde_path_to_error::deserialize(Lenient(&value)) {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        let place = place(error.path(), error.inner());
        // What lacks a part because that was odd is left out in turn; the part is to blame still.
        if !blamed.starts_with(place.trim_matches('.')) || blamed.is_empty() {
            blamed = place;
        }
        if !leave_out(&mut value, error.path()) {
            break;
        }
        tracing::debug!(at = %blamed, "a part of an answer cannot be read, and is left out");
    }
    Err(Unreadable::At(blamed))
}

/// Where the fault is; of a missing field, where it should be.
fn place(path: &Path, error: &Error) -> String {
    let sentence = error.to_string();
    let missing = sentence
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    match (missing, path.to_string()) {
        (Some(field), path) if path == "." => field.to_owned(),
        (Some(field), path) => format!("{path}.{field}"),
        (None, path) => path,
    }
}

/// Takes what is at `path` out of what holds it. False for the whole.
fn leave_out(value: &mut Value, path: &Path) -> bool {
    let known = |segment: &&Segment| matches!(segment, Segment::Seq { .. } | Segment::Map { .. });
    let steps: Vec<&Segment> = path.iter().take_while(known).collect();
    let Some((last, before)) = steps.split_last() else {
        return false;
    };
    let holder = before.iter().try_fold(value, |value, step| match step {
        Segment::Map { key } => value.get_mut(key),
        Segment::Seq { index } => value.as_array_mut()?.iter_mut().filter(present).nth(*index),
        _ => None,
    });
    match (last, holder) {
        (Segment::Map { key }, Some(Value::Object(map))) => map.shift_remove(key).is_some(),
        (Segment::Seq { index }, Some(Value::Array(list))) => {
            let at = list.iter().enumerate().filter(|(_, item)| !item.is_null()).nth(*index);
            at.map(|(at, _)| at).map(|at| list.remove(at)).is_some()
        }
        _ => false,
    }
}

fn present(item: &&mut Value) -> bool {
    !item.is_null()
}

/// A value that is read by what it means: a number may be written as a text, a count with a fraction, an empty list as
/// null, an absent field or row as null.
struct Lenient<'a>(&'a Value);

/// What serde_json asks for to hand a value over as it is.
const AS_IT_IS: &str = "$serde_json::private::";

impl Lenient<'_> {
    /// The number that it is, or says; without its fraction where `whole`.
    fn number(&self, whole: bool) -> Option<Number> {
        let number = match self.0 {
            Value::Number(number) => number.clone(),
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        match number.as_f64() {
            Some(float) if whole && number.is_f64() => Number::from_i128(float.trunc() as i128),
            _ => Some(number),
        }
    }

    fn flag(&self) -> Option<bool> {
        match self.0 {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => Some(number.as_f64()? != 0.0),
            Value::String(text) => match &*text.trim().to_ascii_lowercase() {
                "true" | "1" => Some(true),
                "false" | "0" | "" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

macro_rules! numbers {
    ($whole:literal: $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.number($whole) {
                Some(number) => Value::Number(number).$method(visitor),
                None => self.0.$method(visitor),
            }
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                Value::Number(number) => visitor.visit_string(number.to_string()),
                other => other.$method(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Lenient<'de> {
    type Error = Error;

    numbers!(true: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128);
    numbers!(false: deserialize_f32 deserialize_f64);
    texts!(deserialize_str deserialize_string deserialize_char);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(map) => visitor.visit_map(Fields::of(map)),
            Value::Array(list) => visitor.visit_seq(Rows(list.iter())),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.flag() {
            Some(flag) => visitor.visit_bool(flag),
            None => self.0.deserialize_bool(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_seq(Rows([].iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            // As PHP writes an empty map.
            Value::Array(list) if list.is_empty() => visitor.visit_map(Fields::default()),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(_) => self.deserialize_any(visitor),
            _ => Err(Error::custom("no object")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        match name.starts_with(AS_IT_IS) {
            true => self.0.deserialize_newtype_struct(name, visitor),
            false => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// The fields of an object that are not null.
#[derive(Default)]
struct Fields<'a> {
    /// None of an empty one.
    rest: Option<serde_json::map::Iter<'a>>,
    value: Option<&'a Value>,
}

impl<'a> Fields<'a> {
    fn of(map: &'a Map<String, Value>) -> Self {
        Fields {
            rest: Some(map.iter()),
            value: None,
        }
    }
}

impl<'de> de::MapAccess<'de> for Fields<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let next = self
            .rest
            .as_mut()
            .and_then(|rest| rest.find(|(_, value)| !value.is_null()));
        let Some((key, value)) = next else {
            return Ok(None);
        };
        self.value = Some(value);
        let key: StrDeserializer<'de, Error> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let value = self
            .value
            .take()
            .ok_or_else(|| Error::custom("a value without a key"))?;
        seed.deserialize(Lenient(value))
    }
}

/// The rows of a list that are not null.
struct Rows<'a>(std::slice::Iter<'a, Value>);

impl<'de> de::SeqAccess<'de> for Rows<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let next = self.0.find(|value| !value.is_null());
        next.map(|value| seed.deserialize(Lenient(value))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;
    use serde_json::value::RawValue;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        name: String,
        #[serde(default)]
        count: u64,
        #[serde(default)]
        flag: bool,
        share: Option<f64>,
        #[serde(default)]
        parts: Vec<Part>,
        whole: Option<Part>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Part {
        id: u64,
    }

    fn thing(json: &Value) -> Result<Thing, Unreadable> {
        read(json.to_string().as_bytes())
    }

    #[test]
    fn null_absent_and_odd_are_one_thing() {
        let plain = thing(&json!({"name": "n"})).expect("sound");
        for odd in [
            json!({"name": "n", "count": null, "flag": null, "share": null, "parts": null, "whole": null}),
            json!({"name": "n", "count": "many", "flag": [1], "share": {}, "parts": 7, "whole": "x"}),
            json!({"name": "n", "count": -1, "parts": [null, {"id": null}, {"id": -2}], "whole": {"id": {}}}),
            json!({"name": "n", "count": 1e300, "whole": []}),
        ] {
            assert_eq!(thing(&odd).as_ref(), Ok(&plain), "{odd}");
        }
        let part = |id| Part { id };
        let rich = thing(&json!({"name": 7, "count": "3.0", "flag": "true", "share": "0.5",
            "parts": [{"id": 1.0}, null, {"id": []}, {"id": "2"}], "whole": {"id": 9.7}}));
        let expected = Thing {
            name: "7".to_owned(),
            count: 3,
            flag: true,
            share: Some(0.5),
            parts: vec![part(1), part(2)],
            whole: Some(part(9)),
        };
        assert_eq!(rich, Ok(expected));
    }

    #[test]
    fn what_has_to_be_there_is_named_where_it_is_missing() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Holder {
            whole: Part,
        }
        let at = |place: &str| Some(Unreadable::At(place.to_owned()));
        let holder = |json: Value| read::<Holder>(json.to_string().as_bytes()).err();
        assert_eq!(holder(json!({"whole": {"id": "secret"}})), at("whole.id"));
        assert_eq!(holder(json!({"whole": {}})), at("whole.id"));
        assert_eq!(holder(json!({"whole": "secret"})), at("whole"));
        assert_eq!(holder(json!({})), at("whole"));
        assert_eq!(holder(json!("secret")), at("."));
        assert_eq!(thing(&json!({"parts": [{"id": "secret"}]})).err(), at("name"));
        let many: Vec<_> = (0..100).map(|_| json!({"id": "x"})).collect();
        assert_eq!(thing(&json!({"name": "n", "parts": many})).err(), at("parts[0].id"));
    }

    #[test]
    fn what_is_in_utf_16_is_told_and_not_taken_for_what_broke_off() {
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let wide: Vec<u8> = "\u{feff}{\"name\": \"n\"}".encode_utf16().flat_map(order).collect();
            assert_eq!(read::<Thing>(&wide), Err(Unreadable::Wide));
        }
        let failure = Unreadable::Wide.failure(None);
        assert!(failure.message().contains("UTF-16") && !failure.retryable, "{failure}");
    }

    #[test]
    fn rows_that_are_read_later_stay_as_they_came() {
        #[derive(Deserialize)]
        struct List {
            #[serde(default)]
            data: Vec<Box<RawValue>>,
            total: Option<u64>,
        }
        let list: List = read(br#"{"data": [{"a": null}, 1.50], "total": "2"}"#).expect("a list");
        assert_eq!(list.data[0].get(), r#"{"a":null}"#);
        assert_eq!((list.data.len(), list.total), (2, Some(2)));
        assert!(read::<List>(br#"{"data": null}"#).expect("a list").data.is_empty());
    }
}
