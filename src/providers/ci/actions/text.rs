//! Logs as runners write them: each line begins with its time, and holds what a terminal would be told. Pure.
//!
//! Invariant: a line keeps every character that a terminal would show.

use jiff::Timestamp;

use crate::catalogue::cicd::LogLine;
use crate::providers::ci;

/// The character that a terminal's orders begin with.
const ESCAPE: char = '\u{1b}';
/// Ends an order that holds a text.
const BELL: char = '\u{7}';

/// One line, which may begin with its time.
pub fn line(text: String) -> LogLine {
    // The first one begins with the mark of its encoding.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (time, text) = match text.split_once(' ') {
        Some((time, rest)) if is_time(time) => (Some(time.to_owned()), rest),
        // Of an empty one nothing follows.
        None if is_time(text) => (Some(text.to_owned()), ""),
        _ => (None, text),
    };
    LogLine {
        time,
        ..ci::stdout(shown(text))
    }
}

fn is_time(word: &str) -> bool {
    word.as_bytes().get(10) == Some(&b'T') && !word.contains('[') && word.parse::<Timestamp>().is_ok()
}

/// The text without a terminal's orders.
fn shown(text: &str) -> String {
    if !text.contains(ESCAPE) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ESCAPE => skip(&mut rest),
            c => shown.push(c),
        }
    }
    shown
}

/// Goes behind an order, of which the escape is read.
fn skip(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        // Colours and the like: parameters, and one letter that ends them.
        Some('[') => {
            rest.find(|c| matches!(c, '\u{40}'..='\u{7e}'));
        }
        // Links and titles: a text up to a bell, or to an escape and a backslash.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            if rest.find(|c| matches!(*c, BELL | ESCAPE)) == Some(ESCAPE) {
                rest.next();
            }
        }
        // Which letters to show: one more character names them.
        Some('(' | ')' | '*' | '+' | '#' | ' ') => {
            rest.next();
        }
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ha4_times_are_split_off_and_escapes_stripped() {
        for (text, time, shown) in [
            (
                "\u{feff}2024-05-06T07:08:09.1234567Z ##[group]Run make",
                Some("2024-05-06T07:08:09.1234567Z"),
                "##[group]Run make",
            ),
            (
                "2024-05-06T07:08:09.1234567Z ",
                Some("2024-05-06T07:08:09.1234567Z"),
                "",
            ),
            ("2024-05-06T07:08:09.1234567Z", Some("2024-05-06T07:08:09.1234567Z"), ""),
            (
                "2024-05-06T07:08:09+02:00   indented",
                Some("2024-05-06T07:08:09+02:00"),
                "  indented",
            ),
            ("2024-05-06 is a day", None, "2024-05-06 is a day"),
            ("no time", None, "no time"),
            ("", None, ""),
            (
                "2024-05-06T07:08:09Z \u{1b}[36;1mmake\u{1b}[0m all",
                Some("2024-05-06T07:08:09Z"),
                "make all",
            ),
            (
                "\u{1b}]8;;https://example.com\u{1b}\\link\u{1b}]8;;\u{7} \u{1b}(Bx\u{1b}",
                None,
                "link x",
            ),
        ] {
            let line = line(text.to_owned());
            assert_eq!((line.time.as_deref(), &*line.text), (time, shown), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_grows_or_keeps_an_escape(text in "\\PC*|(\u{1b}|\\[|\\]|m|\u{7}|a)*") {
            let line = line(text.clone());
            prop_assert!(line.text.len() <= text.len() && !line.text.contains(ESCAPE));
        }
    }
}
