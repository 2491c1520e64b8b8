//! A dialect's JSON object, taken apart field by field.
//!
//! Invariant: nothing that a client says is dropped in silence: what nobody has taken is refused by its place, or passed
//! on; null says nothing.

use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::wording::{self, Form};

/// The fields that are left of an object.
pub struct Fields {
    /// Where it stands; empty for the whole.
    place: String,
    map: Map<String, Value>,
}

impl Fields {
    /// Those of a body.
    pub fn whole(map: Map<String, Value>) -> Self {
        Fields {
            place: String::new(),
            map,
        }
    }

    /// Those of what stands at `place`.
    ///
    /// # Errors
    /// `invalid_input` on `place` where that is no object.
    pub fn of(place: String, value: Value) -> Result<Self, Failure> {
        match value {
            Value::Object(map) => Ok(Fields { place, map }),
            _ => Err(must(&place, "be an object")),
        }
    }

    /// Where its field stands.
    pub fn place(&self, name: &str) -> String {
        match self.place.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.place),
        }
    }

    /// Where it stands itself.
    pub fn own_place(&self) -> &str {
        &self.place
    }

    /// A field as it is.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name).filter(|value| !value.is_null())
    }

    /// A field that holds a text.
    ///
    /// # Errors
    /// `invalid_input` on it where it holds none.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Failure> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(must(&self.place(name), "be a text")),
        }
    }

    /// The same where there must be one.
    ///
    /// # Errors
    /// `invalid_input` on it.
    pub fn required(&mut self, name: &str) -> Result<String, Failure> {
        let text = self.text(name)?;
        text.ok_or_else(|| self.missing(name))
    }

    /// That a field is not there which must be.
    pub fn missing(&self, name: &str) -> Failure {
        let place = self.place(name);
        let sentence = format!("{place} is missing");
        Failure::invalid(place, sentence)
    }

    /// A field of a type.
    ///
    /// # Errors
    /// `invalid_input` on the part of it that is at fault.
    pub fn get<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Failure> {
        self.take(name).map(|value| read(&self.place(name), &value)).transpose()
    }

    /// A field that holds an object.
    ///
    /// # Errors
    /// `invalid_input` on it where it holds none.
    pub fn object(&mut self, name: &str) -> Result<Option<Fields>, Failure> {
        self.take(name)
            .map(|value| Fields::of(self.place(name), value))
            .transpose()
    }

    /// A field that holds a list; where it is not there, an empty one.
    ///
    /// # Errors
    /// `invalid_input` on it where it holds none.
    pub fn list(&mut self, name: &str) -> Result<Vec<Value>, Failure> {
        match self.take(name) {
            None => Ok(vec![]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(must(&self.place(name), "be a list")),
        }
    }

    /// Leaves out what says nothing here: it comes back in what answers told.
    pub fn leave(&mut self, names: &[&str]) {
        for name in names {
            self.map.shift_remove(*name);
        }
    }

    /// Leaves out a field that says what is so anyway.
    pub fn leave_where(&mut self, name: &str, usual: impl FnOnce(&Value) -> bool) {
        if self.map.get(name).is_some_and(usual) {
            self.map.shift_remove(name);
        }
    }

    /// Whether a field is there.
    pub fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    /// The field that cannot be had, where it is there.
    ///
    /// # Errors
    /// `unsupported` on the first of them.
    pub fn refuse(&self, names: &[&str], why: &str) -> Result<(), Failure> {
        match names.iter().find(|name| self.has(name)) {
            Some(name) => Err(unsupported(&self.place(name), why)),
            None => Ok(()),
        }
    }

    /// What nobody has taken.
    pub fn rest(mut self) -> Map<String, Value> {
        self.map.retain(|_, value| !value.is_null());
        self.map
    }

    /// That all was taken.
    ///
    /// # Errors
    /// `invalid_input` on the first field that nobody knows.
    pub fn end(self) -> Result<(), Failure> {
        match self.map.iter().find(|(_, value)| !value.is_null()) {
            Some((name, _)) => Err(must(&self.place(name), "not be here: this field is not known")),
            None => Ok(()),
        }
    }
}

/// Reads what stands at `place`.
///
/// # Errors
/// `invalid_input` on the part of it that is at fault.
pub fn read<T: DeserializeOwned>(place: &str, value: &Value) -> Result<T, Failure> {
    T::deserialize(value).or_else(|_| {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let within = error.path().to_string();
            let path = match within.as_str() {
                "." => place.to_owned(),
                index if index.starts_with('[') => format!("{place}{index}"),
                name => format!("{place}.{name}"),
            };
            let wrong = wording::wrong(Form::Json, &path, &error.inner().to_string());
            Failure::invalid(wrong.field(place), wrong.sentence(place))
        })
    })
}

/// What stands at `place` must be otherwise.
pub fn must(place: &str, what: &str) -> Failure {
    Failure::invalid(place, format!("{place} must {what}"))
}

/// What stands at `place` cannot be had here.
pub fn unsupported(place: &str, why: &str) -> Failure {
    Failure::unsupported_field(place, format!("{place} {why}")).never_sent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosaic_actors::error::Kind;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        Fields::of("a[0]".to_owned(), value).expect("an object")
    }

    #[test]
    fn what_is_left_is_told_by_its_place_and_null_says_nothing() {
        let mut some = fields(json!({"x": "y", "n": null, "left": 1}));
        assert_eq!(some.text("x").expect("a text").as_deref(), Some("y"));
        assert_eq!(some.text("n").expect("nothing"), None);
        let failure = some.end().expect_err("one is left");
        assert_eq!(failure.field.as_deref(), Some("a[0].left"));
        assert!(fields(json!({"n": null})).end().is_ok());
        let failure = Fields::of("a".to_owned(), json!([])).err().expect("no object");
        assert_eq!(failure.field.as_deref(), Some("a"));
    }

    #[test]
    fn a_fault_is_told_where_it_is() {
        let failure = fields(json!({"list": [1, "x"]}))
            .get::<Vec<u32>>("list")
            .expect_err("no number");
        assert_eq!(failure.field.as_deref(), Some("a[0].list[1]"));
        let some = fields(json!({"audio": {}}));
        let failure = some.refuse(&["n", "audio"], "cannot be had").expect_err("it is there");
        assert_eq!(
            (failure.kind, failure.field.as_deref(), failure.unsent),
            (Kind::Unsupported, Some("a[0].audio"), true)
        );
        assert_eq!(
            fields(json!({})).required("id").expect_err("none").field.as_deref(),
            Some("a[0].id")
        );
    }
}
