//! Who may keep an answer that is passed through.
//!
//! Invariant: what a provider says of some headers alone, or to caches that many share, is not taken for a word on the whole.

use http::HeaderMap;
use http::header::CACHE_CONTROL;

/// Whether no shared cache keeps it, by what is said already.
pub(super) fn is(headers: &HeaderMap) -> bool {
    let (mut kept_off, mut let_in) = (false, false);
    for value in headers.get_all(CACHE_CONTROL) {
        // What we cannot read, somebody else may.
        let Ok(text) = value.to_str() else { return false };
        for directive in directives(text) {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match &*name.trim().to_ascii_lowercase() {
                "no-store" => kept_off = true,
                // Of some headers only, where it names them.
                "private" => kept_off |= argument.is_empty(),
                "public" | "s-maxage" => let_in = true,
                _ => {}
            }
        }
    }
    kept_off && !let_in
}

/// The directives of a `Cache-Control`: a comma in a quoted text divides nothing.
fn directives(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |sign: char| {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' => return !quoted,
            _ => {}
        }
        false
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn said(values: &[&str]) -> bool {
        let value = |text: &&str| {
            (
                CACHE_CONTROL,
                HeaderValue::from_bytes(text.as_bytes()).expect("a value"),
            )
        };
        is(&values.iter().map(value).collect())
    }

    #[test]
    fn what_is_said_of_the_whole_is_taken_at_its_word() {
        for text in [
            "private",
            "max-age=60, Private",
            "no-store",
            " private , no-cache",
            "No-Store,max-age=0",
        ] {
            assert!(said(&[text]), "{text}");
        }
        assert!(said(&["max-age=60", "private"]));
        assert!(said(&["private, private=\"set-cookie\""]));
    }

    #[test]
    fn what_is_said_of_a_part_or_to_others_is_not() {
        for text in [
            "private=\"set-cookie\"",
            "private=\"a, no-store, b\"",
            "private=set-cookie",
            "max-age=60",
            "public, max-age=60",
            "private, s-maxage=60",
            "private, public",
            "x-private-y",
            "ext=\"private\"",
            "ext=\"a\\\", private\"",
            "private, \u{e9}",
            "",
        ] {
            assert!(!said(&[text]), "{text}");
        }
        assert!(!said(&["private", "s-maxage=60"]));
        assert!(!said(&[]));
    }
}
