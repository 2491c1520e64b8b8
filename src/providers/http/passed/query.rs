//! Queries of what is passed through.
//!
//! Invariant: no credential of a caller's goes on in one, no other user in whose name ours would act, and of what must stay a
//! read no other method; all else stays as it was written. A body is not looked at: what a provider takes from there as from
//! a query (GitLab: `sudo`), the rights of our credential alone forbid.

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

/// What makes ours act in another's name, where it may.
const OTHER_USERS: [&str; 1] = ["sudo"];
/// By these a request would be of another method to some servers.
const OVERRIDES: [&str; 5] = [
    "_method",
    "http_method",
    "x_http_method",
    "x_http_method_override",
    "x_method_override",
];

/// A query without what stays, save under names that mean something else here; `fixed`: what its method makes of it, a read or
/// a question to a model, it stays. `None`: nothing is left.
pub(super) fn going_on(query: &str, plain: &[&str], fixed: bool) -> Option<String> {
    let (mut kept, mut stays) = (String::with_capacity(query.len()), true);
    // Some servers take a semicolon for the end of a pair, too.
    for pair in query.split_inclusive(['&', ';']) {
        let (pair, end) = match pair.strip_suffix(['&', ';']) {
            Some(bare) => (bare, &pair[bare.len()..]),
            None => (pair, ""),
        };
        if is_kept_here(pair, plain, fixed) {
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

fn is_kept_here(pair: &str, plain: &[&str], fixed: bool) -> bool {
    let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
    let name = percent_decode_str(&name)
        .decode_utf8_lossy()
        .trim()
        .to_ascii_lowercase();
    // What languages make one of, before they look.
    let name: String = name.split('[').next().unwrap_or_default().replace(['-', '.', ' '], "_");
    let is_credential = link::is_secret(&name) || CREDENTIALS.contains(&&*name);
    OTHER_USERS.contains(&&*name) || fixed && OVERRIDES.contains(&&*name) || is_credential && !plain.contains(&&*name)
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
            ("sudo=root&a=1", Some("a=1")),
            ("a=1&S%75do=root", Some("a=1")),
            ("a=1;sudo[]=root", Some("a=1")),
            ("_method=DELETE&a=1", Some("a=1")),
            ("%5Fmethod=DELETE", None),
            ("a=1&X-HTTP-Method-Override=DELETE", Some("a=1")),
            ("sudoer=1&method=a", Some("sudoer=1&method=a")),
        ] {
            assert_eq!(going_on(query, &[], true).as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn what_may_write_may_say_by_which_method() {
        let query = "_method=PUT&a=1&sudo=root";
        assert_eq!(going_on(query, &[], false).as_deref(), Some("_method=PUT&a=1"));
    }

    #[test]
    fn a_name_that_means_something_else_at_a_kind_goes_on_there() {
        let query = "key=cache-1&token=y&access_token=x";
        assert_eq!(
            going_on(query, &["key", "token"], true).as_deref(),
            Some("key=cache-1&token=y")
        );
    }
}
