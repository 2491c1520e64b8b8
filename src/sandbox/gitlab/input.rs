//! What a request says, whether in its query, as a form or as JSON: GitLab takes all three alike.
//!
//! Invariant: a field of the wrong type is refused by its name, never taken for absent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Map, Value};

use super::problem::Problem;

/// All that a request says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    fields: Map<String, Value>,
}

impl Input {
    pub fn read(uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<Self, Problem> {
        let mut input = Self::default();
        input.take_pairs(uri.query().unwrap_or_default().as_bytes());
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match kind.as_str() {
            _ if body.is_empty() => {}
            "application/json" => input.take_json(body)?,
            "application/x-www-form-urlencoded" => input.take_pairs(body),
            other => {
                let words = format!("The provided content-type '{other}' is not supported.");
                return Err(Problem::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, words));
            }
        }
        Ok(input)
    }

    fn take_json(&mut self, body: &Bytes) -> Result<(), Problem> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => self.fields.extend(fields),
            Ok(_) => return Err(Problem::parameter("The request body must be an object")),
            Err(_) => return Err(Problem::bad("400 Bad request - Invalid json")),
        }
        Ok(())
    }

    /// `name=value`, where `name[]` is one of many.
    fn take_pairs(&mut self, text: &[u8]) {
        for (name, value) in url::form_urlencoded::parse(text) {
            match name.strip_suffix("[]") {
                Some(name) => match self.fields.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(values) => values.push(value.into()),
                    other => *other = Value::Array(vec![value.into()]),
                },
                None => drop(self.fields.insert(name.into_owned(), value.into())),
            }
        }
    }

    pub fn value(&self, name: &str) -> &Value {
        self.fields.get(name).unwrap_or(&Value::Null)
    }

    /// Whether it is said at all, be it that it is nothing.
    pub fn says(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.value(name) {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            Value::Number(number) => Ok(Some(number.to_string())),
            Value::Bool(flag) => Ok(Some(flag.to_string())),
            _ => Err(invalid(name)),
        }
    }

    /// A text that is given and not empty.
    pub fn filled(&self, name: &str) -> Result<Option<String>, Problem> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    /// Refuses what lacks one of these, naming all that are absent.
    pub fn require(&self, names: &[&str]) -> Result<(), Problem> {
        let absent: Vec<_> = names.iter().filter(|name| self.value(name).is_null()).collect();
        let words: Vec<_> = absent.iter().map(|name| format!("{name} is missing")).collect();
        match words.is_empty() {
            true => Ok(()),
            false => Err(Problem::parameter(words.join(", "))),
        }
    }

    /// A text that must be given.
    pub fn required(&self, name: &str) -> Result<String, Problem> {
        self.require(&[name])?;
        Ok(self.text(name)?.unwrap_or_default())
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.value(name) {
            Value::Null => Ok(None),
            Value::Bool(flag) => Ok(Some(*flag)),
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Some(true)),
                "false" | "f" | "no" | "n" | "off" | "0" => Ok(Some(false)),
                _ => Err(invalid(name)),
            },
            Value::Number(number) => Ok(Some(number.as_u64() == Some(1))),
            _ => Err(invalid(name)),
        }
    }

    /// Whether it is asked for.
    pub fn asks(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.flag(name)?.unwrap_or(false))
    }

    pub fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        match self.value(name) {
            Value::Null => Ok(None),
            Value::Number(number) => number.as_u64().map(Some).ok_or_else(|| invalid(name)),
            Value::String(text) => text.parse().map(Some).map_err(|_| invalid(name)),
            _ => Err(invalid(name)),
        }
    }

    /// A list: an array, or texts between commas.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        let part = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(invalid(name)),
        };
        match self.value(name) {
            Value::Null => Ok(None),
            Value::Array(values) => values.iter().map(part).collect::<Result<_, _>>().map(Some),
            value => {
                let text = part(value)?;
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Ok(Some(parts.map(str::to_owned).collect()))
            }
        }
    }

    /// One of these words; without any, the first.
    pub fn choice(&self, name: &str, known: &[&'static str]) -> Result<&'static str, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(known.first().copied().unwrap_or_default());
        };
        let found = known.iter().find(|word| **word == text);
        found
            .copied()
            .ok_or_else(|| Problem::parameter(format!("{name} does not have a valid value")))
    }

    /// A file's content by its encoding, which is text unless it is said to be base64.
    pub fn content(&self, name: &str) -> Result<Option<Bytes>, Problem> {
        let encoding = self.choice("encoding", &["text", "base64"])?;
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        if encoding == "text" {
            return Ok(Some(text.into()));
        }
        let mut letters = text.into_bytes();
        letters.retain(|letter| !letter.is_ascii_whitespace());
        let bytes = STANDARD.decode(letters);
        bytes
            .map(|bytes| Some(bytes.into()))
            .map_err(|_| Problem::bad("Invalid base64"))
    }

    /// Parts that are objects.
    pub fn parts(&self, name: &str) -> Result<Vec<Self>, Problem> {
        let Value::Array(parts) = self.value(name) else {
            return Err(invalid(name));
        };
        let part = |part: &Value| match part {
            Value::Object(fields) => Ok(Self { fields: fields.clone() }),
            _ => Err(invalid(name)),
        };
        parts.iter().map(part).collect()
    }

    /// A part that is an object.
    pub fn part(&self, name: &str) -> Option<Self> {
        let Value::Object(fields) = self.value(name) else {
            return None;
        };
        Some(Self { fields: fields.clone() })
    }
}

fn invalid(name: &str) -> Problem {
    Problem::parameter(format!("{name} is invalid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, kind: &'static str, body: &'static str) -> Result<Input, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
        let uri = format!("/x?{query}").parse().unwrap();
        Input::read(&uri, &headers, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn query_form_and_json_say_the_same() {
        for input in [
            read("a=x&n=3&f=True&l[]=p&l[]=q", "text/plain", ""),
            read("", "application/x-www-form-urlencoded", "a=x&n=3&f=1&l=p,q"),
            read(
                "a=y",
                "application/json; charset=utf-8",
                r#"{"a": "x", "n": 3, "f": true, "l": ["p", "q"]}"#,
            ),
        ] {
            let input = input.unwrap();
            assert_eq!(input.text("a").unwrap().as_deref(), Some("x"));
            assert_eq!(
                (input.number("n").unwrap(), input.flag("f").unwrap()),
                (Some(3), Some(true))
            );
            assert_eq!(input.texts("l").unwrap().unwrap(), ["p", "q"]);
        }
        assert!(read("", "text/plain", "a").is_err() && read("", "application/json", "[").is_err());
    }

    #[test]
    fn base64_is_text_unless_it_is_said_to_be_base64() {
        let input = read("content=aGk%3D", "text/plain", "").unwrap();
        assert_eq!(input.content("content").unwrap().unwrap(), "aGk=");
        let input = read("content=aGk%3D&encoding=base64", "text/plain", "").unwrap();
        assert_eq!(input.content("content").unwrap().unwrap(), "hi");
    }

    #[test]
    fn a_wrong_type_is_not_taken_for_nothing() {
        let input = read("", "application/json", r#"{"a": {}, "n": "x", "f": "maybe"}"#).unwrap();
        assert!(input.text("a").is_err() && input.number("n").is_err() && input.flag("f").is_err());
        assert!(input.require(&["a", "b"]).is_err() && input.require(&["a"]).is_ok());
    }
}
