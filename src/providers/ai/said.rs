//! What a model's provider says of a request that it refuses as wrong: its own sentence, by which alone it can be mended.
//!
//! Invariant: no long text of what was sent is told again: it is what somebody wrote to a model, and failures are logged.

use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;

use crate::providers::http::{Refusal, said};

/// The shortest text of a request that is not told again, in bytes: shorter ones are the words that it is said in.
const SHORTEST_OWN: usize = 16;
/// The longest request whose texts are looked for; of a longer one nothing is told.
const LONGEST_SENT: usize = 1 << 20;

/// `failure` with the sentence that came with it.
pub fn saying(failure: Failure, refusal: &Refusal<'_>) -> Failure {
    if failure.kind != Kind::InvalidInput {
        return failure;
    }
    match said(refusal).and_then(|sentence| without(sentence, refusal.sent)) {
        Some(sentence) => failure.also(&format!("it says: {sentence}")),
        None => failure,
    }
}

/// A sentence without the long texts of a request; none where nobody can tell them.
fn without(mut sentence: String, sent: &[u8]) -> Option<String> {
    if sent.is_empty() {
        return Some(sentence);
    }
    if sent.len() > LONGEST_SENT {
        return None;
    }
    hide(&serde_json::from_slice(sent).ok()?, &mut sentence);
    Some(sentence)
}

fn hide(sent: &Value, sentence: &mut String) {
    match sent {
        Value::String(text) => {
            // In one line, as the sentence is.
            let own = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if own.len() >= SHORTEST_OWN && sentence.contains(&own) {
                *sentence = sentence.replace(&own, "…");
            }
        }
        Value::Array(list) => list.iter().for_each(|value| hide(value, sentence)),
        Value::Object(fields) => fields.values().for_each(|value| hide(value, sentence)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_told_again() {
        let sent = br#"{"role": "usr", "parts": [{"text": "what somebody\n wrote here"}]}"#;
        for (sentence, told) in [
            (
                "role: 'usr' is none of user, assistant",
                "role: 'usr' is none of user, assistant",
            ),
            ("no: \"what somebody wrote here\"", "no: \"…\""),
        ] {
            assert_eq!(without(sentence.to_owned(), sent).as_deref(), Some(told));
        }
        let odd = || "odd".to_owned();
        assert_eq!(without(odd(), b"").as_deref(), Some("odd"));
        assert_eq!(without(odd(), b"a=form"), None);
        assert_eq!(without(odd(), &vec![b' '; LONGEST_SENT + 1]), None);
    }
}
