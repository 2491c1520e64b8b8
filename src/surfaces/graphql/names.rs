//! The names of operations, fields, words and types as GraphQL writes them.
//!
//! Invariant: a name that comes from the catalogue becomes a name of GraphQL's grammar, whatever it holds.

/// `git.pr.list_files` as a field: `gitPrListFiles`; `next_cursor` as one: `nextCursor`.
pub(super) fn field(name: &str) -> String {
    let mut parts = parts(name);
    let first = parts.next().unwrap_or_default().to_owned();
    let whole = parts.fold(first, |whole, part| whole + &capital(part));
    sound(whole)
}

/// `ai.chat.complete` as the name of a type: `AiChatComplete`. What is one already stays so.
pub(super) fn of_type(name: &str) -> String {
    sound(parts(name).map(capital).collect())
}

/// `utf-8` as a word of an enumeration: `UTF_8`.
pub(super) fn word(word: &str) -> String {
    let upper = parts(word).map(str::to_ascii_uppercase).collect::<Vec<_>>().join("_");
    // These three are values of their own.
    match matches!(upper.as_str(), "TRUE" | "FALSE" | "NULL") {
        true => format!("{upper}_"),
        false => sound(upper),
    }
}

/// The path of a field as the caller wrote it: `messages[0].tool_calls` as `messages[0].toolCalls`; the place and the length
/// of a page by the words that connections have for them.
pub(super) fn path(path: &str) -> String {
    match path {
        "cursor" => "after".to_owned(),
        "limit" => "first".to_owned(),
        _ => path.split('.').map(segment).collect::<Vec<_>>().join("."),
    }
}

fn segment(segment: &str) -> String {
    let (name, index) = segment.split_at(segment.find('[').unwrap_or(segment.len()));
    field(name) + index
}

/// Several of what a word names.
pub(super) fn plural(word: &str) -> String {
    let ends = |ends: &[&str]| ends.iter().any(|end| word.ends_with(end));
    match word.strip_suffix('y') {
        Some(stem) if !ends(&["ay", "ey", "oy", "uy"]) => format!("{stem}ies"),
        _ if ends(&["s"]) => word.to_owned(),
        _ if ends(&["x", "ch", "sh"]) => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
}

fn capital(part: &str) -> String {
    let (first, rest) = part.split_at_checked(1).unwrap_or_default();
    first.to_ascii_uppercase() + rest
}

/// A name begins with a letter, and has one.
fn sound(name: String) -> String {
    match name.bytes().next() {
        Some(first) if first.is_ascii_alphabetic() => name,
        _ => format!("_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_graphql() {
        for (given, made) in [
            ("git.repo.get", "gitRepoGet"),
            ("cicd.run.rerun_failed", "cicdRunRerunFailed"),
            ("next_cursor", "nextCursor"),
            ("ref", "ref"),
            ("5m", "_5m"),
        ] {
            assert_eq!(field(given), made);
        }
        assert_eq!(of_type("ai.chat.complete.input"), "AiChatCompleteInput");
        assert_eq!(of_type("PageRow"), "PageRow");
        for (given, made) in [
            ("utf-8", "UTF_8"),
            ("not_planned", "NOT_PLANNED"),
            ("5m", "_5M"),
            ("null", "NULL_"),
        ] {
            assert_eq!(word(given), made);
        }
        assert_eq!(path("messages[0].tool_choice"), "messages[0].toolChoice");
        assert_eq!(path("limit"), "first");
        for (given, made) in [
            ("branch", "branches"),
            ("status", "status"),
            ("repository", "repositories"),
            ("key", "keys"),
        ] {
            assert_eq!(plural(given), made);
        }
    }
}
