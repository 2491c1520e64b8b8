//! Whether JSON that comes piece by piece is whole.
//!
//! Invariant: each byte is looked at once, however many pieces it comes in.

/// What has been seen of one object, array or text; of anything else its end cannot be told.
#[derive(Default)]
pub(super) struct Scan {
    depth: usize,
    quoted: bool,
    escaped: bool,
    whole: bool,
}

impl Scan {
    /// Looks at what comes next.
    pub(super) fn see(&mut self, piece: &str) {
        for byte in piece.bytes() {
            if self.whole {
                return;
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.quoted => self.escaped = true,
                b'"' => {
                    self.quoted = !self.quoted;
                    self.ends();
                }
                _ if self.quoted => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.ends();
                }
                _ => {}
            }
        }
    }

    /// Whether nothing but blanks can follow.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    fn ends(&mut self) {
        self.whole = self.depth == 0 && !self.quoted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn whole(text: &str) -> bool {
        let mut scan = Scan::default();
        text.char_indices()
            .for_each(|(at, c)| scan.see(&text[at..at + c.len_utf8()]));
        scan.is_whole()
    }

    proptest! {
        #[test]
        fn an_object_is_whole_at_its_end_and_not_before(
            texts in prop::collection::vec("[\\\\\"{}\\[\\]a: ]{0,6}", 0..4),
            deep in 0_usize..4,
        ) {
            let inner = (0..deep).fold(json!(texts), |inner, _| json!({ "{\"": [inner] }));
            let text = json!({ "a": inner, "b": Value::Null }).to_string();
            for (at, _) in text.char_indices() {
                prop_assert!(!whole(&text[..at]), "{}", &text[..at]);
            }
            let spaced = format!("{text} \n");
            prop_assert!(whole(&text) && whole(&spaced));
        }
    }

    #[test]
    fn what_is_neither_is_never_known_to_be_whole() {
        for text in ["", " ", "12", "null", "{", "[\"]"] {
            assert!(!whole(text), "{text}");
        }
        assert!(whole("\"a\"") && whole(" [] "));
    }
}
