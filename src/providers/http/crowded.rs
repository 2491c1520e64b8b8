//! How much there is in JSON, before any of it is read. Pure.
//!
//! Invariant: what is read takes a bounded number of times the memory of its text: many small things take much more than one
//! large one.

/// The most rows of one list, or fields of one object. The largest lists of any provider, trees of repositories, have half as
/// many.
const MOST_ITEMS: u32 = 200_000;
/// The most values altogether.
const MOST_VALUES: u32 = 2_000_000;
/// The deepest nesting that any reader follows.
const DEEPEST: usize = 128;

/// Whether more is in it than can be held. Of what is no JSON, whether it would be.
pub(super) fn is_crowded(json: &[u8]) -> bool {
    // Each value takes a byte, and one between it and the next.
    if json.len() < 2 * MOST_ITEMS as usize {
        return false;
    }
    // Of each list and object that is open.
    let mut items: Vec<u32> = vec![];
    let (mut values, mut quoted, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => {
                items.push(1);
                values += 1;
            }
            b']' | b'}' => _ = items.pop(),
            b',' => {
                values += 1;
                if let Some(items) = items.last_mut() {
                    *items += 1;
                }
            }
            _ => continue,
        }
        let many = items.last().is_some_and(|items| *items > MOST_ITEMS);
        if many || values > MOST_VALUES || items.len() > DEEPEST {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of so many of these.
    fn list(of: &str, count: u32) -> Vec<u8> {
        let mut text = String::from("[");
        for at in 0..count {
            if at > 0 {
                text.push(',');
            }
            text.push_str(of);
        }
        text.push(']');
        text.into_bytes()
    }

    #[test]
    fn rows_are_counted_and_what_is_within_texts_is_not() {
        for (of, count, crowded) in [
            ("1", MOST_ITEMS, false),
            ("1", MOST_ITEMS + 1, true),
            ("{}", MOST_ITEMS + 1, true),
            ("[1,2,3]", MOST_ITEMS, false),
            (r#"{"a":1,"b":2,"c":[]}"#, MOST_ITEMS, false),
            ("[1,2,3,4,5,6,7,8,9,10]", MOST_ITEMS, true),
            (r#""a,b\",[,{,""#, MOST_ITEMS, false),
        ] {
            assert_eq!(is_crowded(&list(of, count)), crowded, "{count} times {of}");
        }
        let text = format!(r#"{{"a": "{}"}}"#, ",[".repeat(10 * MOST_ITEMS as usize));
        assert!(!is_crowded(text.as_bytes()));
        assert!(is_crowded("[".repeat(2 * MOST_ITEMS as usize).as_bytes()));
        let fields = String::from_utf8(list(r#""a":1"#, MOST_ITEMS + 1)).expect("text");
        assert!(is_crowded(fields.replace('[', "{").replace(']', "}").as_bytes()));
    }
}
