//! A language model of the smallest kind: what it says follows from the prompt alone.
//!
//! Pure. `say 5 words` gives a text of that length; any other prompt is told back.
//!
//! Invariant: the tokens of a text, put together again, are that text.

/// The most words that a prompt can ask for.
const MAX_WORDS: usize = 10_000;
/// How much of a prompt is told back, in characters.
const MAX_ECHO: usize = 2_000;

/// Why a text ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All was said.
    Whole,
    /// This was met.
    Stop(String),
    /// There was no room for more.
    Length,
}

/// Pieces of a text: a word with the white space before it.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[word..]
            .find(char::is_whitespace)
            .map_or(rest.len(), |length| word + length);
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(token)
    })
}

/// The whole text that a model of this instance says to a prompt.
pub(crate) fn say(instance: &str, model: &str, prompt: &str) -> String {
    if let Some(count) = asked_words(prompt) {
        return (1..=count.min(MAX_WORDS))
            .map(|n| format!("word{n}"))
            .collect::<Vec<_>>()
            .join(" ");
    }
    let echo: String = prompt.chars().take(MAX_ECHO).collect();
    format!("This is {model} on {instance}. You said: {echo}")
}

fn asked_words(prompt: &str) -> Option<usize> {
    prompt.trim().strip_prefix("say ")?.strip_suffix(" words")?.parse().ok()
}

/// Ends a text at the first stop sequence, then at the limit; the sequence itself is not said.
pub(crate) fn limit(mut text: String, stops: &[String], max_tokens: Option<usize>) -> (String, End) {
    let met = stops
        .iter()
        .filter_map(|stop| Some((text.find(stop.as_str())?, stop)))
        .min_by_key(|(at, _)| *at);
    let end = match met {
        Some((at, stop)) => {
            text.truncate(at);
            End::Stop(stop.clone())
        }
        None => End::Whole,
    };
    let Some(max) = max_tokens else {
        return (text, end);
    };
    let length: usize = tokens(&text).take(max).map(str::len).sum();
    if length == text.len() {
        return (text, end);
    }
    text.truncate(length);
    (text, End::Length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_put_together_are_the_text() {
        for text in ["", "  two  spaces ", "Grüße, 世界\n\tund mehr", "one"] {
            assert_eq!(tokens(text).collect::<String>(), text);
        }
        assert_eq!(tokens(" a bc  d").collect::<Vec<_>>(), [" a", " bc", "  d"]);
    }

    #[test]
    fn limits_cut_where_they_should() {
        let limited = |stops: &[&str], max| {
            let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
            limit("word1 word2 word3".to_owned(), &stops, max)
        };
        let met = |stop: &str| End::Stop(stop.to_owned());
        assert_eq!(limited(&[], None), ("word1 word2 word3".to_owned(), End::Whole));
        assert_eq!(limited(&[], Some(3)), ("word1 word2 word3".to_owned(), End::Whole));
        assert_eq!(limited(&[], Some(2)), ("word1 word2".to_owned(), End::Length));
        assert_eq!(limited(&["3", "2"], None), ("word1 word".to_owned(), met("2")));
        assert_eq!(limited(&["word1"], Some(9)), (String::new(), met("word1")));
    }

    #[test]
    fn a_prompt_can_ask_for_a_length() {
        assert_eq!(say("i", "m", "say 3 words"), "word1 word2 word3");
        assert_eq!(tokens(&say("i", "m", "say 99999999 words")).count(), MAX_WORDS);
        assert!(say("openai-a", "m", "hello").contains("openai-a"));
    }
}
