//! What a provider says of a request that it refuses as wrong, where nothing of it is known here: its own sentence.
//!
//! Invariant: a sentence is one line of a bounded length, without words that may be keys; and none is told of what may be about
//! a secret.

use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;

use super::Refusal;
use crate::catalogue::event::line;

/// The most bytes that are told of it.
const LONGEST: usize = 300;
/// What stands where a word was that may be a secret.
const HIDDEN: &str = "***";
/// Parts of paths whose refusals may quote a secret: addresses of hooks may hold a password.
const SECRET: [&str; 5] = ["/hooks", "/secrets", "/variables", "/token", "/oauth"];

/// `failure` with the sentence that came with it, of a refusal that is not known better.
pub fn saying(failure: Failure, refusal: &Refusal<'_>) -> Failure {
    if failure.kind != Kind::InvalidInput || SECRET.iter().any(|part| refusal.path.contains(part)) {
        return failure;
    }
    match said(refusal) {
        Some(sentence) => failure.also(&format!("it says: {sentence}")),
        None => failure,
    }
}

/// The sentence that came with a refusal.
pub fn said(refusal: &Refusal<'_>) -> Option<String> {
    refusal.json::<Value>().as_ref().and_then(sentence)
}

/// The sentence of an error body: under `message` or `error`, as a text, a list of them, or lists by what they are about.
fn sentence(body: &Value) -> Option<String> {
    // Models' providers have it within, beside its code.
    let within = &body["error"]["message"];
    let told = match within.is_string() {
        true => vec![parts(within)],
        false => ["message", "error", "errors"].map(|name| parts(&body[name])).into(),
    }
    .into_iter();
    let told: Vec<String> = told.flatten().collect();
    let told = told.join("; ");
    let words: Vec<&str> = told
        .split_whitespace()
        .map(|word| if is_secret(word) { HIDDEN } else { word })
        .collect();
    line(&words.join(" "), LONGEST)
}

/// Whether a word may be a key, or an address with a password in it: no sentence is worth one.
fn is_secret(word: &str) -> bool {
    let of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '=' | '~');
    let is_key = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        part.len() >= 12 && digits >= 4 && digits < part.len()
    };
    word.contains("://") && word.contains('@') || word.split(|c| !of_key(c)).any(is_key)
}

fn parts(said: &Value) -> Vec<String> {
    match said {
        Value::String(text) => vec![text.trim().to_owned()],
        Value::Array(all) => all.iter().flat_map(parts).collect(),
        Value::Object(of) => of
            .iter()
            .map(|(what, said)| (what, parts(said)))
            .filter(|(_, said)| !said.is_empty())
            .map(|(what, said)| format!("{what}: {}", said.join(", ")))
            .collect(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_form_it_has_it_is_one_line() {
        for (body, told) in [
            (
                json!({"message": "bad key sk-planted-5551212, at https://a:b@host/ 12 times"}),
                Some("bad key *** at *** 12 times"),
            ),
            (
                json!({"message": "400 Bad request - odd"}),
                Some("400 Bad request - odd"),
            ),
            (
                json!({"error": "scope does not have a valid value"}),
                Some("scope does not have a valid value"),
            ),
            (json!({"message": ["a", "b\nc\u{202e}"]}), Some("a; b c")),
            (
                json!({"message": {"name": ["is too long", "is odd"], "base": []}}),
                Some("name: is too long, is odd"),
            ),
            (json!({"message": null, "error": 7}), None),
            (
                json!({"type": "error", "error": {"type": "invalid_request_error", "message": "x: odd", "param": null}}),
                Some("x: odd"),
            ),
            (json!(["a"]), None),
        ] {
            assert_eq!(sentence(&body).as_deref(), told, "{body}");
        }
        let long = sentence(&json!({"message": "x".repeat(9_999)})).expect("cut");
        assert!(long.len() <= LONGEST, "{}", long.len());
    }
}
