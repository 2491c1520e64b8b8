//! Queries of what is passed through.
//!
//! Invariant: no credential of a caller's goes on in one; all else stays as it was written.

use percent_encoding::percent_decode_str;

use crate::providers::http::link;

/// Beside those that links repeat.
const CREDENTIALS: [&str; 9] = [
    "api_key",
    "api_token",
    "apikey",
    "auth_token",
    "deploy_token",
    "feed_token",
    "key",
    "rss_token",
    "subscription_key",
];

/// A query without the credentials in it, save under names that mean something else here; `None`: nothing is left.
pub(super) fn going_on(query: &str, plain: &[&str]) -> Option<String> {
    let (mut kept, mut stays) = (String::with_capacity(query.len()), true);
    // Some servers take a semicolon for the end of a pair, too.
    for pair in query.split_inclusive(['&', ';']) {
        let (pair, end) = match pair.strip_suffix(['&', ';']) {
            Some(bare) => (bare, &pair[bare.len()..]),
            None => (pair, ""),
        };
        if is_credential(pair, plain) {
            stays = false;
        } else {
            kept.push_str(pair);
            kept.push_str(end);
        }
    }
    if !stays && query.ends_with(['&', ';']) != kept.ends_with(['&', ';']) {
        kept.pop();
    }
    (stays || !kept.is_empty()).then_some(kept)
}

fn is_credential(pair: &str, plain: &[&str]) -> bool {
    let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
    let name = percent_decode_str(&name)
        .decode_utf8_lossy()
        .trim()
        .to_ascii_lowercase();
    // What languages make one of, before they look.
    let name: String = name.split('[').next().unwrap_or_default().replace(['-', '.', ' '], "_");
    let is_one = link::is_secret(&name) || CREDENTIALS.contains(&&*name);
    is_one && !plain.contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_stays_and_the_rest_goes_on_as_it_was_written() {
        for (query, expected) in [
            ("private_token=x", None),
            ("access_token=x&token=y", None),
            ("token", None),
            ("q=a+b&x=%2F&&empty=", Some("q=a+b&x=%2F&&empty=")),
            ("a=1&private_token=x&b=%20", Some("a=1&b=%20")),
            ("a=1&job_token=x", Some("a=1")),
            ("api_key=x&a=1", Some("a=1")),
            ("key=x&a=1", Some("a=1")),
            ("a=1&%70rivate%5Ftoken=x", Some("a=1")),
            ("Private_Token=x&a", Some("a")),
            ("a=1;private_token=x;b", Some("a=1;b")),
            ("a=1;access_token=x", Some("a=1")),
            ("+private_token=x&api-key=y&access.token=z&token[]=w&a=1", Some("a=1")),
            (
                "page_token=x&keys=1&tokens=2&keyword=3",
                Some("page_token=x&keys=1&tokens=2&keyword=3"),
            ),
            ("u=http://x/?token=1", Some("u=http://x/?token=1")),
            ("", Some("")),
        ] {
            assert_eq!(going_on(query, &[]).as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn a_name_that_means_something_else_at_a_kind_goes_on_there() {
        let query = "key=cache-1&token=y&access_token=x";
        assert_eq!(
            going_on(query, &["key", "token"]).as_deref(),
            Some("key=cache-1&token=y")
        );
    }
}
