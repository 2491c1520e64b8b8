//! A look at a document before it is parsed.
//!
//! Invariant: what nests deeper than [`DEEPEST`] never reaches the parser, which follows nesting on its stack.

/// The deepest that brackets may nest.
const DEEPEST: usize = 200;

/// Whether brackets nest too deep. Strings and comments are told apart as the grammar has it; where the text is wrong the parser
/// stops at the same place.
pub(super) fn is_too_deep(document: &str) -> bool {
    let mut rest = document.as_bytes();
    let mut depth = 0_usize;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => rest = behind_line(rest),
            b'"' => {
                rest = match rest.strip_prefix(b"\"\"") {
                    Some(block) => behind_block(block),
                    None => behind_string(rest),
                }
            }
            _ => {}
        }
    }
    false
}

fn behind_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.map_or(&[], |at| &text[at..])
}

/// Behind a string, or the line in which it does not end.
fn behind_string(mut text: &[u8]) -> &[u8] {
    while let Some((first, behind)) = text.split_first() {
        text = match first {
            b'"' | b'\n' | b'\r' => return behind,
            b'\\' => behind.get(1..).unwrap_or_default(),
            _ => behind,
        };
    }
    text
}

fn behind_block(mut text: &[u8]) -> &[u8] {
    while !text.is_empty() {
        if let Some(behind) = text.strip_prefix(b"\"\"\"") {
            return behind;
        }
        text = match text.strip_prefix(b"\\\"\"\"") {
            Some(behind) => behind,
            None => &text[1..],
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nests_counts() {
        let deep = |open: &str, close: &str, times: usize| open.repeat(times) + &close.repeat(times);
        assert!(!is_too_deep(&deep("{a", "}", DEEPEST)));
        assert!(is_too_deep(&deep("{a", "}", DEEPEST + 1)));
        assert!(is_too_deep(&format!("{{a(b: {}", "[".repeat(DEEPEST))));
        assert!(!is_too_deep(&format!("{{a(b: \"{}\")}}", "[".repeat(9999))));
        assert!(!is_too_deep(&format!(
            "{{a(b: \"\"\" \\\"\"\" {} \"\"\")}}",
            "[".repeat(9999)
        )));
        assert!(!is_too_deep(&format!("{{a}} # {}", "[".repeat(9999))));
        // What closes within a string or a comment closes nothing.
        assert!(is_too_deep(&"{a(b: \"}}\") #}\n".repeat(DEEPEST + 1)));
        assert!(is_too_deep(&"{a(b: \"\\\"}}\", ".repeat(DEEPEST + 1)));
        assert!(!is_too_deep("\"\\"));
        assert!(!is_too_deep("\"\"\"\\"));
    }

    #[test]
    fn as_deep_as_may_be_the_parser_reads() {
        let list = format!("{{a(b: {}{})}}", "[".repeat(DEEPEST - 2), "]".repeat(DEEPEST - 2));
        assert!(!is_too_deep(&list));
        std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || async_graphql::parser::parse_query(list).is_ok())
            .expect("a thread")
            .join()
            .expect("its stack is enough");
    }
}
