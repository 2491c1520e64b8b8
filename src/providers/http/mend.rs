//! Bytes that are almost JSON: what is wrong with them below its grammar is set right.
//!
//! Invariant: sound text comes back as it was, and is not copied; nothing but single characters is ever replaced.

use std::borrow::Cow;

/// The text without a byte order mark; what is no UTF-8 and each half of a surrogate pair that stands alone as U+FFFD.
pub(super) fn mend(json: &[u8]) -> Cow<'_, [u8]> {
    let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
    let text = String::from_utf8_lossy(json);
    match (whole_pairs(&text), text) {
        (Some(mended), _) => Cow::Owned(mended.into_bytes()),
        (None, Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
        (None, Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
    }
}

/// The text without halves of pairs that stand alone; none where there are none.
fn whole_pairs(text: &str) -> Option<String> {
    let (mut mended, mut rest, mut found) = (String::new(), text, false);
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at..];
        let second = || escape.get(6..).and_then(unit);
        let (length, lone) = match unit(escape) {
            Some(0xd800..=0xdbff) if matches!(second(), Some(0xdc00..=0xdfff)) => (12, false),
            Some(0xd800..=0xdfff) => (6, true),
            // The character behind a backslash begins no escape of its own.
            _ => (escape.chars().take(2).map(char::len_utf8).sum(), false),
        };
        mended.push_str(&rest[..at]);
        mended.push_str(if lone { "\\ufffd" } else { &escape[..length] });
        rest = &escape[length..];
        found |= lone;
    }
    found.then(|| mended + rest)
}

/// The number of an escape such as `\ud83d`.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_characters_are_mended_and_nothing_else() {
        let mended = |json: &[u8]| String::from_utf8(mend(json).into_owned()).expect("text");
        assert_eq!(mended("\u{feff}{}".as_bytes()), "{}");
        assert_eq!(mended(br#""a\ud83d""#), r#""a\ufffd""#);
        assert_eq!(mended(br#""\uDE00\ud83dx""#), r#""\ufffd\ufffdx""#);
        assert_eq!(mended(b"\"a\xff\""), "\"a\u{fffd}\"");
        for sound in [
            r#""\ud83d\ude00""#,
            r#""\\ud83d""#,
            r#""\n\"é\u00e9""#,
            "",
            "\\",
            r"\ud83",
        ] {
            assert!(
                matches!(mend(sound.as_bytes()), Cow::Borrowed(text) if text == sound.as_bytes()),
                "{sound}"
            );
        }
    }
}
