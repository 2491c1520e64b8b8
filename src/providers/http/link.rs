//! The `Link` header (RFC 8288), as far as paging needs it. Pure.
//!
//! Invariant: of a link only the query is used, and of that no credential. Where the next page is asked for is decided by us, so a link can lead
//! neither our credential nor a reader anywhere else.

use http::HeaderMap;
use http::header::LINK;
use percent_encoding::percent_decode_str;

/// The parameters that a credential is given in, where it is given so.
const SECRETS: [&str; 7] = [
    "access_token",
    "private_token",
    "job_token",
    "oauth_token",
    "refresh_token",
    "client_secret",
    "token",
];

/// The query of the first link whose relation is `next`.
pub fn next_query(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(next_of)
}

fn next_of(mut rest: &str) -> Option<String> {
    loop {
        let (_, tail) = rest.split_once('<')?;
        let (target, tail) = tail.split_once('>')?;
        let (parameters, tail) = split_outside_quotes(tail, ',');
        if is_next(parameters) {
            let (_, query) = target.split_once('?')?;
            let query = query.split('#').next().unwrap_or_default();
            let pairs: Vec<&str> = query.split('&').filter(|pair| !is_secret(pair)).collect();
            return Some(pairs.join("&")).filter(|query| !query.is_empty());
        }
        rest = tail;
    }
}

/// Whether a pair of a query is a credential, which some servers and proxies repeat of what they were asked with. Ours goes
/// in a header, and a cursor is shown to whoever reads a list.
pub(super) fn is_secret(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8_lossy();
    SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(&name))
}

/// Whether `; rel="…"` holds the relation `next`: names are case-insensitive, and one link may have several.
fn is_next(mut parameters: &str) -> bool {
    while !parameters.is_empty() {
        let (parameter, tail) = split_outside_quotes(parameters, ';');
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("rel")
        {
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            return relations.any(|relation| relation.eq_ignore_ascii_case("next"));
        }
        parameters = tail;
    }
    false
}

/// What stands before and behind the first `separator` that is not in a quoted string.
fn split_outside_quotes(text: &str, separator: char) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == separator && !quoted => return (&text[..at], &text[at + c.len_utf8()..]),
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn next(value: &str) -> Option<String> {
        next_query(&HeaderMap::from_iter([(LINK, HeaderValue::from_str(value).ok()?)]))
    }

    #[test]
    fn finds_the_next_page_among_links() {
        let page = |n: u32| format!("<https://api.example.com/x?page={n}&per_page=2>");
        let query = Some("page=3&per_page=2".to_owned());
        let both = format!("{}; rel=\"prev\", {}; rel=\"next\"", page(1), page(3));
        assert_eq!(next(&both), query);
        assert_eq!(next(&format!("{};rel=next", page(3))), query);
        assert_eq!(
            next(&format!("{}; title=\"a, b; rel=x\"; REL=\"last Next\"", page(3))),
            query
        );
        assert_eq!(next(&format!("{}; rel=\"prev\"", page(1))), None);
        assert_eq!(next(&format!("{}; rel=\"nextish\"", page(1))), None);
        assert_eq!(next("<https://api.example.com/x>; rel=\"next\""), None);
        assert_eq!(next("</x?page=2#top>; rel=\"next\""), Some("page=2".to_owned()));
    }

    #[test]
    fn a_credential_that_is_repeated_stays_out_of_cursors() {
        for secret in [
            "private_token=glpat-x",
            "Access_Token=x&private%5Ftoken=y",
            "token=",
            "job_token",
        ] {
            let link = format!("<https://h.example/x?{secret}&page=3&page_token=a%3D%3D>; rel=\"next\"");
            assert_eq!(next(&link), Some("page=3&page_token=a%3D%3D".to_owned()), "{secret}");
        }
        assert_eq!(next("</x?private_token=x>; rel=\"next\""), None);
    }

    #[test]
    fn a_comma_or_semicolon_within_a_link_belongs_to_it() {
        assert_eq!(
            next("<https://h.example/x?labels=a,b;c&page=2>; rel=\"next\", <https://h.example/x>; rel=\"first\""),
            Some("labels=a,b;c&page=2".to_owned())
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "[ -~]{0,80}") {
            let _ = next(&text);
        }
    }
}
