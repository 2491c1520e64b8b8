//! What an error body says, in the forms that servers use.
//!
//! Invariant: a sentence of a provider is looked at and never passed on; a code is, where it is a plain word or number.

use mosaic_actors::error::Failure;
use serde_json::Value;

/// The longest code that is passed on.
const LONGEST_CODE: usize = 48;

/// What an error body says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Its code: a word, or a number.
    pub code: Option<String>,
    /// Its type, or the name of its status.
    pub kind: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    sentence: String,
}

/// What of a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A parameter: it is not known, or not taken.
    Parameter,
    /// What a parameter holds: another value would be taken.
    Value,
}

impl Fault {
    /// The error that a body is, though it came as a success: under `error`, in a list of one, or flat.
    pub fn within(body: &Value) -> Option<Self> {
        let body = first(body);
        let is = |name: &str| member(body, name).is_some();
        let named = member(body, "object").or(member(body, "type")).and_then(Value::as_str) == Some("error");
        let flat = is("detail") || is("error_code") || is("errors") || is("message") && (is("code") || is("type"));
        (named || flat || is("error")).then(|| Self::of(body))
    }

    /// What the body of a refusal says, whatever its form.
    pub fn of(body: &Value) -> Self {
        let body = first(body);
        let inner = member(body, "error").or(member(body, "errors")).map_or(body, first);
        let word = |names: &[&str]| {
            let places = [inner, body]
                .into_iter()
                .flat_map(|place| names.iter().map(move |name| member(place, name)));
            places.flatten().find_map(text)
        };
        let detail = ["detail", "message"]
            .into_iter()
            .find_map(|name| details(member(inner, name)?));
        Fault {
            // xAI writes its sentence where others have an object.
            code: word(&["code", "error_code"]).or_else(|| inner.as_str().map(str::to_owned)),
            kind: word(&["type", "status"]).or_else(|| member(first(detail?), "type").and_then(text)),
            param: word(&["param"]).or_else(|| parameter(first(detail?))),
            sentence: word(&["message", "detail"])
                .or_else(|| inner.as_str().map(str::to_owned))
                .unwrap_or_default(),
        }
    }

    /// As [`Fault::of`], of text that may be no JSON.
    pub fn read(body: &[u8]) -> Self {
        super::lenient::read::<Value>(body)
            .map(|body| Self::of(&body))
            .unwrap_or_default()
    }

    /// Whether its code or its type is one of these words.
    pub fn says(&self, words: &[&str]) -> bool {
        let its = [&self.code, &self.kind].into_iter().flatten();
        its.into_iter()
            .any(|its| words.iter().any(|word| its.eq_ignore_ascii_case(word)))
    }

    /// Whether its sentence holds one of these, in lower case.
    pub fn tells(&self, parts: &[&str]) -> bool {
        let sentence = self.sentence.to_ascii_lowercase();
        parts.iter().any(|part| sentence.contains(part))
    }

    /// Where its sentence has this word, as a word of its own.
    pub fn names(&self, word: &str) -> Option<usize> {
        let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let bytes = self.sentence.as_bytes();
        let whole =
            |at: &usize| !part(at.checked_sub(1).and_then(|at| bytes.get(at))) && !part(bytes.get(at + word.len()));
        let mut found = self.sentence.match_indices(word).map(|(at, _)| at);
        found.find(whole)
    }

    /// The number that stands right behind one of these in its sentence: a bound, which is no word of anybody's. One from
    /// which something is still to be taken is none.
    pub fn number_behind(&self, marks: &[&str]) -> Option<u64> {
        marks.iter().find_map(|mark| {
            let (_, behind) = self.sentence.split_once(mark)?;
            let (number, rest) = behind.split_at(behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len()));
            let reckons = rest.trim_start().starts_with(['-', '+', '*', '/']);
            number.parse().ok().filter(|_| !reckons)
        })
    }

    /// What it refuses, where it says so: by its code, else by its sentence.
    pub fn refuses(&self) -> Option<Refused> {
        const UNKNOWN: &[&str] = &["extra_forbidden", "unknown_parameter", "unsupported_parameter"];
        // `unsupported_value`, `integer_above_max_value`
        let of_value = |word: &String| word.to_ascii_lowercase().contains("value");
        const BOUNDS: &[&str] = &[
            "value",
            "at most",
            "at least",
            "maximum",
            "minimum",
            "between",
            "less than",
            "greater than",
            "exceed",
            "too large",
            "too high",
            "too small",
            "out of range",
        ];
        const SENTENCES: &[&str] = &[
            "not supported",
            "unsupported",
            "unrecognized",
            "unknown",
            "extra",
            "unexpected",
        ];
        if self.says(UNKNOWN) {
            Some(Refused::Parameter)
        } else if [&self.code, &self.kind].into_iter().flatten().any(of_value) || self.tells(BOUNDS) {
            Some(Refused::Value)
        } else {
            self.tells(SENTENCES).then_some(Refused::Parameter)
        }
    }

    /// The status that its code is.
    pub fn status(&self) -> Option<u16> {
        let status = self.code.as_deref()?.parse().ok()?;
        (400..600).contains(&status).then_some(status)
    }

    /// Its code, or its type, as far as it may be shown: words and numbers alone, so that no sentence and no key is.
    pub fn shown(&self) -> Option<&str> {
        let word = |text: &&String| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'))
        };
        let number = |text: &&String| text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = |text: &&String| (1..=LONGEST_CODE).contains(&text.len()) && (word(text) || number(text));
        [&self.code, &self.kind]
            .into_iter()
            .flatten()
            .find(fits)
            .map(String::as_str)
    }

    /// `failure` with the provider's code behind its sentence.
    pub fn coded(&self, failure: Failure) -> Failure {
        match self.shown() {
            Some(code) => {
                let sentence = format!("{} (its code: {code})", failure.message());
                failure.saying(sentence)
            }
            None => failure,
        }
    }
}

/// A list of one stands for what it holds.
fn first(value: &Value) -> &Value {
    match value {
        Value::Array(list) => list.first().unwrap_or(value),
        other => other,
    }
}

/// A field that is there and says something.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let empty = |value: &&Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    value.get(name).filter(|value| !empty(value))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The list that FastAPI writes, or what holds it.
fn details(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(_) => Some(value),
        Value::Object(_) => member(value, "detail"),
        _ => None,
    }
}

/// `["body", "messages", 0, "content"]`
fn parameter(detail: &Value) -> Option<String> {
    let place = detail.get("loc")?.as_array()?;
    let mut names = place.iter().filter_map(Value::as_str);
    names.find(|name| *name != "body").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_is_seen_in_every_form() {
        for (body, code, kind) in [
            (
                json!({"error": {"code": "c", "type": "t", "message": "m"}}),
                Some("c"),
                Some("t"),
            ),
            (json!({"error": {"code": 429, "message": "m"}}), Some("429"), None),
            (
                json!([{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}]),
                Some("400"),
                Some("INVALID_ARGUMENT"),
            ),
            (
                json!({"object": "error", "type": "T", "code": 400, "message": "m"}),
                Some("400"),
                Some("T"),
            ),
            (
                json!({"type": "error", "error": {"type": "overloaded_error"}}),
                None,
                Some("overloaded_error"),
            ),
            (json!({"code": "c", "error": "a sentence"}), Some("c"), None),
            (json!({"detail": "m"}), None, None),
            (
                json!({"detail": [{"type": "missing", "loc": ["body", "messages"]}]}),
                None,
                Some("missing"),
            ),
            (json!({"message": "m", "code": "c"}), Some("c"), None),
            (json!({"text": "m", "error_code": 50001}), Some("50001"), None),
            (
                json!({"success": false, "errors": [{"code": 7003, "message": "m"}]}),
                Some("7003"),
                None,
            ),
            (json!({"error": true, "code": "c"}), Some("c"), None),
        ] {
            let fault = Fault::within(&body).unwrap_or_else(|| panic!("{body}"));
            assert_eq!((fault.code.as_deref(), fault.kind.as_deref()), (code, kind), "{body}");
        }
        for sound in [
            json!({"choices": [], "error": null}),
            json!({"error": "", "id": "c"}),
            json!({"message": "hello"}),
            json!([]),
            json!("text"),
        ] {
            assert_eq!(Fault::within(&sound), None, "{sound}");
        }
    }

    #[test]
    fn the_parameter_at_fault_is_found() {
        for body in [
            json!({"error": {"param": "stop"}}),
            json!({"detail": [{"loc": ["body", "stop"]}]}),
            json!({"object": "error", "message": {"detail": [{"loc": ["body", "stop", 0]}]}}),
        ] {
            assert_eq!(Fault::of(&body).param.as_deref(), Some("stop"), "{body}");
        }
    }

    #[test]
    fn a_word_is_found_where_it_stands_alone() {
        let fault = |sentence: &str| Fault::of(&json!({"error": {"message": sentence}}));
        assert_eq!(fault("no stream_options, no 'stream'").names("stream"), Some(23));
        assert_eq!(
            fault("no upstream, no streams, no stream_options").names("stream"),
            None
        );
        assert_eq!(fault("stream").names("stream"), Some(0));
    }

    #[test]
    fn a_bound_is_a_number_from_which_nothing_is_still_to_be_taken() {
        let fault = |sentence: &str| Fault::of(&json!({"error": {"message": sentence}}));
        let bound = |sentence: &str| fault(sentence).number_behind(&["at most ", " > "]);
        assert_eq!(
            bound("too large: 100000. It supports at most 16384 tokens"),
            Some(16384)
        );
        assert_eq!(bound("max_tokens: 100000 > 8192, which is the most"), Some(8192));
        for none in ["has 10 tokens (100000 > 4096 - 10)", "a > b", "5 > ", "nothing"] {
            assert_eq!(bound(none), None, "{none}");
        }
    }

    #[test]
    fn only_plain_codes_are_shown() {
        let shown = |code: &str| Fault::of(&json!({"error": {"code": code}})).shown().map(str::to_owned);
        assert_eq!(shown("rate_limit_exceeded").as_deref(), Some("rate_limit_exceeded"));
        assert_eq!(shown("50001").as_deref(), Some("50001"));
        for odd in [
            "a sentence",
            "sk-proj-5551212",
            "555121200",
            "x".repeat(99).as_str(),
            "ключ",
        ] {
            assert_eq!(shown(odd), None, "{odd}");
        }
    }
}
