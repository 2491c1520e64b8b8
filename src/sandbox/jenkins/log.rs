//! A build's log: the file as it is stored, with notes for the console's page in it, and the text without them.
//!
//! Invariant: what is stored only grows, and ends with a whole line.

use super::stage::Stage;
use super::state::Build;

/// Before and after a note that only the console's page understands.
const NOTE: (&str, &str) = ("\u{1b}[8mha:", "\u{1b}[0m");

/// The stored file, as far as the build has come.
pub(crate) fn stored(build: &Build, job: &str, instance: &str) -> String {
    let user = &build.user;
    let note = format!("{}////4AbCdEf={}", NOTE.0, NOTE.1);
    let first = format!(
        "Started by user {note}{user}\nRunning as {user}\nBuilding in workspace /var/jenkins_home/workspace/{job}\n+ make all\n"
    );
    // What was answered is told by what asked for it.
    let answers = build
        .answers
        .iter()
        .map(|answer| format!("{}\n", answer.line().trim_start()));
    let answers: String = answers.collect();
    let rest = format!("{answers}Grüße from {instance}\nmake: all is done\n");
    match (build.progress.stage(), build.progress.ending()) {
        (Stage::Started, _) => String::new(),
        (_, None) => first,
        (Stage::Judged, Some(_)) => first + &rest,
        (_, Some(ending)) => format!("{first}{rest}{note}Finished: {}\n", ending.as_str()),
    }
}

/// Without its notes.
pub(crate) fn plain(stored: &str) -> String {
    let mut text = String::with_capacity(stored.len());
    let mut left = stored;
    while let Some((before, after)) = left.split_once(NOTE.0) {
        text.push_str(before);
        left = after.split_once(NOTE.1).map_or("", |(_, after)| after);
    }
    text + left
}

/// The part of the stored file from a byte on: beyond its end it begins anew, and a negative one counts from the end.
pub(crate) fn from(stored: &str, start: i64) -> String {
    let size = stored.len();
    let start = match usize::try_from(start) {
        Ok(start) if start > size => 0,
        Ok(start) => start,
        Err(_) => size.saturating_sub(usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    String::from_utf8_lossy(&stored.as_bytes()[start..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_removed() {
        let note = format!("{}abc{}", NOTE.0, NOTE.1);
        assert_eq!(plain(&format!("by {note}ada\n{note}Finished\n")), "by ada\nFinished\n");
    }

    #[test]
    fn beyond_the_end_it_begins_anew() {
        assert_eq!(from("abc", 1), "bc");
        assert_eq!(from("abc", 3), "");
        assert_eq!(from("abc", 4), "abc");
        assert_eq!((from("abc", -2), from("abc", -9)), ("bc".to_owned(), "abc".to_owned()));
    }
}
