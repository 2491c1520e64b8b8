//! The tokens that a model's answer tells of, read while it passes.
//!
//! Invariant: nothing of the answer is kept but the one small object that counts; however it is cut into pieces, the count
//! is the same.

use mosaic_actors::stream::Usage;
use serde_json::Value;

use crate::catalogue::ai::MOST_TOKENS;

/// The longest count.
const LONGEST: usize = 4 << 10;
/// The longest key that is looked at.
const LONGEST_KEY: usize = 16;
/// The key of a count.
const KEY: &[u8] = b"usage";
/// What holds an answer within an event: it may have the count.
const HOLDERS: [&[u8]; 2] = [b"response", b"message"];

/// Reads JSON, or events whose data are JSON.
#[derive(Default)]
pub(super) struct Counter {
    /// It is a stream of events: a line ends what is open.
    events: bool,
    depth: usize,
    text: Text,
    /// The text that was read last, as far as keys are long.
    last: Vec<u8>,
    /// The keys that are open at the first depths.
    keys: [Vec<u8>; 2],
    /// A count that is being read, and the depth around it.
    counted: Option<(usize, Vec<u8>)>,
    told: Option<Usage>,
}

/// Within a string or not.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Text {
    #[default]
    Outside,
    Inside,
    Escaped,
}

impl Counter {
    /// One for a stream of events, or for one JSON text.
    pub(super) fn new(events: bool) -> Self {
        Counter {
            events,
            ..Counter::default()
        }
    }

    /// Reads on; tells what is known behind it, where that is more than before.
    pub(super) fn read(&mut self, piece: &[u8]) -> Option<Usage> {
        let before = self.told;
        piece.iter().for_each(|byte| self.byte(*byte));
        self.told.filter(|_| self.told != before)
    }

    fn byte(&mut self, byte: u8) {
        if self.events && byte == b'\n' {
            self.depth = 0;
            self.text = Text::Outside;
            self.counted = None;
            return;
        }
        if let Some((_, counted)) = &mut self.counted {
            counted.push(byte);
            if counted.len() > LONGEST {
                self.counted = None;
            }
        }
        match (self.text, byte) {
            (Text::Escaped, _) => self.text = Text::Inside,
            (Text::Inside, b'\\') => self.text = Text::Escaped,
            (Text::Inside, b'"') => self.text = Text::Outside,
            (Text::Inside, byte) if self.last.len() <= LONGEST_KEY => self.last.push(byte),
            (Text::Inside, _) => {}
            (Text::Outside, b'"') => {
                // Before an event's data there is nothing of it.
                if self.depth > 0 {
                    self.text = Text::Inside;
                }
                self.last.clear();
            }
            (Text::Outside, b':') if (1..=2).contains(&self.depth) => {
                self.keys[self.depth - 1] = std::mem::take(&mut self.last);
            }
            (Text::Outside, b'{' | b'[') => self.open(byte),
            (Text::Outside, b'}' | b']') => self.close(),
            (Text::Outside, _) => {}
        }
    }

    fn open(&mut self, byte: u8) {
        let [outer, inner] = &self.keys;
        let counts = match self.depth {
            1 => outer == KEY,
            2 => inner == KEY && HOLDERS.contains(&&outer[..]),
            _ => false,
        };
        if counts && byte == b'{' && self.counted.is_none() {
            self.counted = Some((self.depth, vec![byte]));
        }
        self.depth += 1;
        if self.depth == 2 {
            self.keys[1].clear();
        }
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if let Some((_, counted)) = self.counted.take_if(|(around, _)| *around == self.depth)
            && let Ok(counted) = serde_json::from_slice::<Value>(&counted)
        {
            self.count(&counted);
        }
    }

    /// Each number counts all so far. What was read from a cache is beside the input at those who tell of it so.
    fn count(&mut self, counted: &Value) {
        let number = |names: &[&str]| names.iter().find_map(|name| counted.get(name)?.as_u64());
        let beside = ["cache_creation_input_tokens", "cache_read_input_tokens"];
        let cached = beside
            .iter()
            .filter_map(|name| counted.get(name)?.as_u64())
            .fold(0, u64::saturating_add);
        let input = number(&["prompt_tokens", "input_tokens"]).map(|input| input.saturating_add(cached));
        let output = number(&["completion_tokens", "output_tokens"]);
        if input.max(output).is_some_and(|count| count > MOST_TOKENS) {
            tracing::warn!(
                most = MOST_TOKENS,
                "an answer tells of more tokens than can be: they are not counted"
            );
        } else if input.is_some() || output.is_some() {
            let known = self.told.unwrap_or_default();
            self.told = Some(Usage {
                input_tokens: input.unwrap_or(known.input_tokens),
                // As what is served without a cache: the price of it is at most as high.
                cached_input_tokens: 0,
                output_tokens: output.unwrap_or(known.output_tokens),
                // Whose prices hold is the driver's to know.
                cost_nano_usd: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(events: bool, text: &str) -> Option<(u64, u64)> {
        let mut counter = Counter::new(events);
        counter.read(text.as_bytes());
        counter.told.map(|usage| (usage.input_tokens, usage.output_tokens))
    }

    const CHAT: &str = r#"{"id":"x","choices":[{"message":{"content":"say \"usage\":{"}}],
        "usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}"#;
    const CHUNKS: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"{\\\"usage\\\"\"}}],\"usage\":null}\n\n\
                          data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";
    const RESPONSES: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n\
                             event: response.completed\ndata: {\"response\":{\"id\":\"r\",\"usage\":{\"input_tokens\":7,\
                             \"output_tokens\":2}},\"type\":\"x\"}\n\n";
    const MESSAGES: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\
                            \"cache_read_input_tokens\":10,\"output_tokens\":1}}}\n\nevent: message_delta\n\
                            data: {\"delta\":{},\"usage\":{\"output_tokens\":8}}\n\n";

    #[test]
    fn each_dialect_tells_its_tokens() {
        assert_eq!(count(false, CHAT), Some((9, 3)));
        assert_eq!(count(true, CHUNKS), Some((9, 3)));
        assert_eq!(count(true, RESPONSES), Some((7, 2)));
        assert_eq!(count(true, MESSAGES), Some((15, 8)));
        let embeddings = r#"{"data":[{"embedding":[1,2]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        assert_eq!(count(false, embeddings), Some((8, 0)));
    }

    #[test]
    fn what_only_looks_like_a_count_is_none() {
        for text in [
            r#"{"choices":[{"usage":{"prompt_tokens":9}}]}"#,
            r#"{"other":{"usage":{"prompt_tokens":9}}}"#,
            r#"{"text":"\"usage\":{\"prompt_tokens\":9}"}"#,
            r#"{"usage":{"prompt_tokens":"many"}}"#,
            r#"{"usage":[{"prompt_tokens":9}]}"#,
            r#"{"usage":{"prompt_tokens":9"#,
            "}}}]]",
            "",
        ] {
            assert_eq!(count(false, text), None, "{text}");
        }
        for beyond in [u64::MAX, MOST_TOKENS + 1] {
            let text = format!("{{\"usage\":{{\"prompt_tokens\":{beyond},\"completion_tokens\":3}}}}");
            assert_eq!(count(false, &text), None);
        }
        // A line that broke off leaves nothing behind.
        assert_eq!(
            count(true, &format!("data: {{\"usage\":{{\"a\n\n{CHUNKS}")),
            Some((9, 3))
        );
        let long = format!(r#"{{"usage":{{"x":"{}","prompt_tokens":9}}}}"#, "y".repeat(LONGEST));
        assert_eq!(count(false, &long), None);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_it_is_the_same(which in 0usize..4, cut in 0usize..400) {
            let (events, text) = [(false, CHAT), (true, CHUNKS), (true, RESPONSES), (true, MESSAGES)][which];
            let (one, two) = text.as_bytes().split_at(cut.min(text.len()));
            let mut counter = Counter::new(events);
            counter.read(one);
            counter.read(two);
            let told = counter.told.map(|usage| (usage.input_tokens, usage.output_tokens));
            prop_assert_eq!(told, count(events, text));
        }

        #[test]
        fn anything_is_read(text in prop::collection::vec(any::<u8>(), 0..200), events: bool) {
            Counter::new(events).read(&text);
        }
    }
}
