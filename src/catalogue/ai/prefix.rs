//! What conversations begin with: those that begin alike are best asked of one provider, which has kept what it has read.
//!
//! Invariant: what is added to the end of a conversation changes nothing, so that each of its turns goes where the first
//! one went.

use serde_json::Value;

use super::content::Content;
use super::extensions::Extensions;
use super::input::{ChatInput, Said, Turn};
use super::message::Role;
use super::part::{Part, ResultPart};
use super::response_input::ResponseInput;

/// Fields of dialects by which a caller itself says what belongs together, the more telling first.
const NAMED: [&str; 2] = ["conversation", "prompt_cache_key"];

/// The most bytes of a beginning that are looked at: many times what vendors choose a machine by, which is some 256 tokens
/// as far as they tell.
const BEGINNING: usize = 16 << 10;

/// Of a conversation: by what its caller calls it, else by its instructions and its first message.
pub fn chat(input: &ChatInput) -> u64 {
    named(&input.extensions).unwrap_or_else(|| beginning(None, input))
}

/// Of an answer that is kept: as of a conversation, or by the answer that it goes on from, which one provider has.
pub fn response(input: &ResponseInput) -> u64 {
    let previous = input.previous.as_deref();
    named(&input.chat.extensions)
        .or_else(|| previous.map(|previous| of("previous", previous)))
        .unwrap_or_else(|| beginning(input.instructions.as_deref(), &input.chat))
}

/// By a caller's own name for it; a conversation is named by its id, or by an object that has it.
fn named(extensions: &Extensions) -> Option<u64> {
    NAMED.into_iter().find_map(|field| {
        let mut given = extensions.0.values().filter_map(|fields| fields.get(field));
        given
            .find_map(|value| value.as_str().or_else(|| value.get("id").and_then(Value::as_str)))
            .map(|name| of(field, name))
    })
}

fn of(kind: &str, name: &str) -> u64 {
    let mut prefix = Prefix::new(kind);
    prefix.text(name);
    prefix.finish()
}

fn beginning(instructions: Option<&str>, input: &ChatInput) -> u64 {
    let mut prefix = Prefix::new("beginning");
    prefix.text(instructions.unwrap_or_default());
    for turn in input.conversation() {
        prefix.turn(&turn);
        if turn.role != Role::System {
            break;
        }
    }
    prefix.finish()
}

/// A hash of texts, as far as there is room for them.
struct Prefix {
    hasher: blake3::Hasher,
    room: usize,
}

impl Prefix {
    fn new(kind: &str) -> Self {
        let mut prefix = Prefix {
            hasher: blake3::Hasher::new(),
            room: BEGINNING,
        };
        prefix.text(kind);
        prefix
    }

    fn text(&mut self, text: &str) {
        let taken = &text.as_bytes()[..text.len().min(self.room)];
        self.room -= taken.len();
        self.hasher.update(taken);
        // No text holds this byte.
        self.hasher.update(&[0xff]);
    }

    fn turn(&mut self, turn: &Turn<'_>) {
        self.text(match turn.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        });
        match turn.content {
            Said::Text(text) => self.text(text),
            Said::Parts(parts) => parts.iter().for_each(|part| self.part(part)),
        }
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text { text, .. } | Part::Refusal { text } => self.text(text),
            Part::Image { url, data, file, .. } | Part::File { url, data, file, .. } => {
                let sources = [url.as_deref(), data.as_deref(), file.as_deref()];
                sources.into_iter().flatten().for_each(|source| self.text(source));
            }
            Part::ToolCall { name, arguments, .. } => [name, arguments].into_iter().for_each(|text| self.text(text)),
            Part::ToolResult { content, .. } => self.result(content),
            Part::Thinking { text, data, .. } => {
                self.text(text);
                self.text(data.as_deref().unwrap_or_default());
            }
            Part::Other { block, .. } => self.text(block.get()),
        }
    }

    fn result(&mut self, content: &Content<ResultPart>) {
        self.text(content.text().unwrap_or_default());
        for part in content.parts() {
            match part {
                ResultPart::Text { text } => self.text(text),
                ResultPart::Image { url, data, file, .. } => {
                    let sources = [url.as_deref(), data.as_deref(), file.as_deref()];
                    sources.into_iter().flatten().for_each(|source| self.text(source));
                }
            }
        }
    }

    fn finish(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = *self.hasher.finalize().as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chats(input: Value) -> u64 {
        chat(&serde_json::from_value(input).expect("an input"))
    }

    fn responses(input: Value) -> u64 {
        response(&serde_json::from_value(input).expect("an input"))
    }

    #[test]
    fn each_turn_of_a_conversation_goes_where_the_first_one_went() {
        let system = json!({"role": "system", "content": "Be brief."});
        let first = json!({"role": "user", "content": "Hello."});
        let one = chats(json!({"model": "m", "messages": [system, first]}));
        let answered = json!({"role": "assistant", "content": "Hi."});
        let later =
            json!({"model": "m", "messages": [system, first, answered], "prompt": "And now?", "temperature": 1.0});
        assert_eq!(chats(later), one);
        // However its first message is given.
        let short = json!({"model": "m", "messages": [system], "prompt": "Hello."});
        assert_eq!(chats(short), one);
        let parts = json!({"role": "user", "content": [{"type": "text", "text": "Hello.", "cache": "5m"}]});
        assert_eq!(chats(json!({"model": "m", "messages": [system, parts]})), one);

        let other = json!({"role": "system", "content": "Be brief.\nHello."});
        for different in [
            json!([other, first]),
            json!([first]),
            json!([system, {"role": "user", "content": "Hello!"}]),
            json!([system, system, first]),
            json!([system, {"role": "user", "content": [{"type": "image", "file": "Hello."}, {"type": "text", "text": "."}]}]),
        ] {
            assert_ne!(chats(json!({"model": "m", "messages": different})), one, "{different}");
        }
    }

    #[test]
    fn only_the_beginning_is_looked_at() {
        let long = |last: &str| chats(json!({"model": "m", "prompt": "x".repeat(BEGINNING) + last}));
        assert_eq!(long("a"), long("b"));
    }

    #[test]
    fn a_callers_own_name_goes_before_what_is_said() {
        let by = |extensions: Value, prompt: &str| {
            responses(json!({"model": "m", "prompt": prompt, "extensions": {"one": extensions}}))
        };
        let named = by(json!({"conversation": "c1", "prompt_cache_key": "k"}), "a");
        assert_eq!(by(json!({"conversation": {"id": "c1"}}), "b"), named);
        assert_ne!(by(json!({"conversation": "c2"}), "a"), named);
        assert_ne!(by(json!({"prompt_cache_key": "c1"}), "a"), named);
        assert_eq!(
            by(json!({"prompt_cache_key": "k"}), "a"),
            by(json!({"prompt_cache_key": "k"}), "b")
        );
        assert_ne!(by(json!({"seed": 7}), "a"), by(json!({"seed": 7}), "b"));

        let on =
            |previous: &str, prompt: &str| responses(json!({"model": "m", "previous": previous, "prompt": prompt}));
        assert_eq!(on("r1", "a"), on("r1", "b"));
        assert_ne!(on("r1", "a"), on("r2", "a"));
        let told = |instructions: &str| responses(json!({"model": "m", "prompt": "a", "instructions": instructions}));
        assert_ne!(told("x"), told("y"));
    }
}
