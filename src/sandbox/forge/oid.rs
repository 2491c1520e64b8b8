//! Names of things: the ids that git gives, numbers that are the same in every run, and times.
//!
//! Invariant: an id depends on content alone.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

/// What stays as it is in a path: RFC 3986's unreserved characters, and the slash.
pub(crate) const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The id of an object, as git computes it.
pub(crate) fn git_id(kind: &str, content: &[u8]) -> String {
    let mut object = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    object.update(format!("{kind} {}\0", content.len()).as_bytes());
    object.update(content);
    let id = object.finish();
    id.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether this can be an object's full id.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The bytes of an id, as they stand in a tree.
pub(crate) fn raw_id(id: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or_default() as u8;
    id.as_bytes()
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, letter| byte << 4 | digit(*letter)))
        .collect()
}

/// A number that is the same in every run and every instance.
pub(crate) fn stable_id(name: &str) -> u64 {
    let hash = blake3::hash(name.as_bytes());
    // 32 bits: a number that every JSON reader holds exactly.
    hash.as_bytes()[..4]
        .iter()
        .fold(0, |id, byte| id << 8 | u64::from(*byte))
}

/// The present second.
pub(crate) fn now() -> String {
    text(Timestamp::now())
}

/// A time that a client gave, in seconds of UTC; `None`: it is none.
pub(crate) fn seconds(time: &str) -> Option<String> {
    time.parse().ok().map(text)
}

/// Seconds since the epoch. What is no time is the epoch itself.
pub(crate) fn epoch(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap_or_default().as_second()
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_git() {
        // `git hash-object` of an empty file and of "hello\n", and the empty tree.
        assert_eq!(git_id("blob", b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(git_id("blob", b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(git_id("tree", b""), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert!(is_id(&git_id("tree", b"")) && !is_id("main"));
    }

    #[test]
    fn times_are_given_in_seconds_of_utc() {
        assert_eq!(
            seconds("2026-01-05T10:00:00.5+01:00").as_deref(),
            Some("2026-01-05T09:00:00Z")
        );
        assert_eq!(seconds("yesterday"), None);
        assert_eq!(epoch("1970-01-01T00:01:00Z"), 60);
    }
}
