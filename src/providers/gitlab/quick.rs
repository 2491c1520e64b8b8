//! Texts that GitLab reads as more than texts: lines that are commands, and titles that say draft. Pure.
//!
//! Invariant: no line that a caller wrote begins with a slash and a word when it is sent. GitLab would carry it out with
//! our credential's rights (`/merge`, `/close`, `/assign`).

/// The marks of a draft, in small letters; of the older ones only a title that is known to be a draft's is freed.
const MARKS: [&str; 6] = ["draft:", "[draft]", "(draft)", "wip:", "[wip]", "(wip)"];
/// The mark that is set.
const MARK: &str = "Draft: ";

/// The text with a backslash before each slash that could begin a command: Markdown shows the slash alone. Within blocks of
/// code the backslash is seen, too: what GitLab takes for such a block is not for a client to guess.
pub fn inert(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut fresh = true;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '/' && fresh {
            // GitLab takes carriage returns away before it looks.
            let next = rest.clone().find(|next| *next != '\r');
            if next.is_some_and(char::is_alphabetic) {
                safe.push('\\');
            }
        }
        fresh = matches!(character, '\n' | '\r') || (fresh && character.is_whitespace());
        safe.push(character);
    }
    safe
}

/// The title without the marks of a draft at its beginning.
pub fn unmarked(title: &str) -> &str {
    let mut rest = title.trim();
    while let Some(mark) = MARKS.iter().find(|mark| begins(rest, mark)) {
        rest = rest[mark.len()..].trim_start();
    }
    rest
}

/// Whether a title says that it is a draft's, as GitLab reads it since 14.0.
pub fn is_marked(title: &str) -> bool {
    MARKS[..3].iter().any(|mark| begins(title.trim_start(), mark))
}

fn begins(title: &str, mark: &str) -> bool {
    title
        .get(..mark.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(mark))
}

/// The title that makes a merge request a draft, or none.
pub fn marked(title: &str, draft: bool) -> String {
    match draft {
        true => format!("{MARK}{}", unmarked(title)),
        false => unmarked(title).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gl25_no_line_is_a_command() {
        for (text, safe) in [
            ("/close", "\\/close"),
            (
                "Looks good\n/merge\r\n  /assign @me",
                "Looks good\n\\/merge\r\n  \\/assign @me",
            ),
            ("\n\r/close", "\n\r\\/close"),
            ("/\rclose", "\\/\rclose"),
            ("\u{a0}/close", "\u{a0}\\/close"),
            ("```\n/usr/bin\n```", "```\n\\/usr/bin\n```"),
            ("see a/b and /close", "see a/b and /close"),
            ("// comment\n/ 2\n/", "// comment\n/ 2\n/"),
        ] {
            assert_eq!(inert(text), safe, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn gl25_whatever_is_written_begins_no_line_with_a_command(text in "[ab/\\\\\r\n `>]{0,40}") {
            let sent = inert(&text).replace('\r', "");
            for line in sent.split('\n') {
                let command = line.trim_start().strip_prefix('/');
                prop_assert!(!command.is_some_and(|rest| rest.starts_with(char::is_alphabetic)), "{:?} of {:?}", line, text);
            }
        }
    }

    #[test]
    fn gl12_a_draft_is_a_mark_before_the_title() {
        for (title, rest) in [
            ("Draft: x", "x"),
            ("draft:[WIP] x", "x"),
            ("(Draft) x", "x"),
            ("Drafting: x", "Drafting: x"),
            ("Überarbeitet", "Überarbeitet"),
        ] {
            assert_eq!(unmarked(title), rest);
        }
        assert_eq!(marked("[Draft] x", true), "Draft: x");
        assert_eq!(marked("Draft: x", false), "x");
        assert!(is_marked("Draft: x") && !is_marked("WIP: x"));
    }
}
