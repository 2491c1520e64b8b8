//! What a model says, in the forms that servers give it in.
//!
//! Invariant: a character whose halves come in two pieces is joined, and a half that stays alone is U+FFFD.

use std::fmt;

use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A text that says something: many servers write an absent one as an empty one.
pub fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A text, or a list of parts of which some are text.
///
/// It is kept as bytes, because half a character cannot be kept in a string (the encoding is WTF-8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// What is said.
    pub said: Vec<u8>,
    /// What was thought on the way, where it is among the parts.
    pub thought: Vec<u8>,
}

impl Text {
    /// What is said, as a string.
    pub fn said(&self) -> String {
        decode(&self.said)
    }
}

/// A part of a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Plain(String),
    Typed {
        text: Option<String>,
        thinking: Option<Box<Text>>,
        reasoning: Option<Box<Text>>,
    },
    Other(IgnoredAny),
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A string of JSON may hold half a character: only as bytes it can be had then.
        deserializer.deserialize_bytes(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or its parts")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text {
            said: bytes.to_vec(),
            thought: vec![],
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Text, A::Error> {
        let mut whole = Text::default();
        while let Some(part) = parts.next_element()? {
            match part {
                Part::Plain(text) => whole.said.extend(text.into_bytes()),
                Part::Typed {
                    text,
                    thinking,
                    reasoning,
                } => {
                    whole.said.extend(text.unwrap_or_default().into_bytes());
                    let thought = thinking.or(reasoning).unwrap_or_default();
                    whole.thought.extend(thought.said);
                }
                Part::Other(_) => {}
            }
        }
        Ok(whole)
    }
}

/// Joins the pieces of a text that is streamed.
#[derive(Default)]
pub struct Joined {
    /// The first half of a character.
    half: Vec<u8>,
}

impl Joined {
    /// What can be told when `piece` has come.
    pub fn piece(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.half);
        bytes.extend_from_slice(piece);
        if let [.., 0xed, 0xa0..=0xaf, _] = bytes[..] {
            self.half = bytes.split_off(bytes.len() - 3);
        }
        decode(&bytes)
    }

    /// What is left at the end.
    pub fn rest(&mut self) -> String {
        decode(&std::mem::take(&mut self.half))
    }
}

fn decode(bytes: &[u8]) -> String {
    let (mut text, mut rest) = (String::new(), bytes);
    // In UTF-8 no such byte follows on this one.
    while let Some(at) = rest
        .windows(2)
        .position(|pair| pair[0] == 0xed && (0xa0..=0xbf).contains(&pair[1]))
    {
        text.push_str(&String::from_utf8_lossy(&rest[..at]));
        let units = [half(&rest[at..]), rest.get(at + 3..).and_then(half)];
        let mut decoded = char::decode_utf16(units.into_iter().map_while(|unit| unit));
        let (length, character) = match decoded.next() {
            Some(Ok(character)) => (6, character),
            _ => (3, char::REPLACEMENT_CHARACTER),
        };
        text.push(character);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// The half of a character that the bytes begin with.
fn half(bytes: &[u8]) -> Option<u16> {
    match bytes {
        [0xed, second @ 0xa0..=0xbf, third, ..] => {
            Some(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Text {
        serde_json::from_str(json).expect("a text")
    }

    #[test]
    fn parts_are_joined_and_thoughts_kept_apart() {
        let parts = text(
            r#"["a", {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "image_url", "image_url": {"url": "u"}}, {"type": "text", "text": "b"}, 7]"#,
        );
        assert_eq!(
            (parts.said(), decode(&parts.thought)),
            ("ab".to_owned(), "hm".to_owned())
        );
        assert_eq!(text("[]"), Text::default());
        assert!(serde_json::from_str::<Text>("7").is_err());
    }

    #[test]
    fn halves_of_characters_are_joined_or_replaced() {
        assert_eq!(text(r#""a\ud83d\ude00""#).said(), "a😀");
        for lone in [r#""\ud83d""#, r#""\ude00""#] {
            assert_eq!(text(lone).said(), "\u{fffd}", "{lone}");
        }
        assert_eq!(text(r#""\ud83dx\ude00\ud83d""#).said(), "\u{fffd}x\u{fffd}\u{fffd}");
        let mut joined = Joined::default();
        let mut piece = |json| joined.piece(&text(json).said);
        assert_eq!(
            [piece(r#""a\ud83d""#), piece(r#""""#), piece(r#""\ude00b""#)].concat(),
            "a😀b"
        );
        assert_eq!(
            [piece(r#""\ud83d""#), piece(r#""x""#), piece(r#""\ud83d""#)].concat(),
            "\u{fffd}x"
        );
        assert_eq!(joined.rest(), "\u{fffd}");
        assert_eq!(joined.rest(), "");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(decode(b"a\xed\xa0"), "a\u{fffd}");
        assert_eq!(decode(b"\xff\xed\xb0\x80z"), "\u{fffd}\u{fffd}z");
    }
}
