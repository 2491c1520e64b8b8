//! Redirects within a provider.
//!
//! Invariant: one that is followed stays within the API, where the credential belongs, and changes nothing of the request.

use std::borrow::Cow;

use http::{HeaderMap, Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use url::Url;

use super::Outgoing;

/// Where a redirect leads, if it may be followed: below the instance's `base`, and without changing the request. What else
/// answers at that origin may be somebody else's. A write that is sent again to where it was sent may be done twice.
/// `writes`: the provider's redirects of writes are followed at all.
pub(super) fn moved(
    outgoing: &Outgoing,
    base: &Url,
    status: StatusCode,
    headers: &HeaderMap,
    writes: bool,
) -> Option<Url> {
    let reads = matches!(outgoing.method, Method::GET | Method::HEAD);
    let follow = match status.as_u16() {
        // 301 lets a client turn a write into a read; we do not, and it is how forges say that a repository is renamed.
        301 | 307 | 308 => reads || writes,
        // What was written may be done, and its result be elsewhere; only a read is the same request there.
        302 => reads,
        _ => false,
    };
    let url = outgoing.url.join(headers.get(header::LOCATION)?.to_str().ok()?).ok()?;
    let same_place = is_below(base, &url) && url.username().is_empty() && url.password().is_none();
    let once = reads || resource(&url) != resource(&outgoing.url);
    (follow && same_place && once && outgoing.is_there()).then_some(url)
}

/// Whether a URL lies below a base, also for a server that decodes what is written in its path before it reads that.
pub(super) fn is_below(base: &Url, url: &Url) -> bool {
    let root = base.path().trim_end_matches('/');
    let behind = url.path().strip_prefix(root);
    let behind = behind.filter(|behind| behind.is_empty() || behind.starts_with('/'));
    let climbs = |behind: &str| {
        let written = percent_decode_str(behind).decode_utf8_lossy();
        let parts = written.split(['/', '\\']);
        let mut names = parts.map(|part| part.split(';').next().unwrap_or_default());
        names.any(|name| matches!(name, "." | ".."))
    };
    url.origin() == base.origin() && behind.is_some_and(|behind| !climbs(behind))
}

/// What a URL's path means, however it is written. A slash at its end makes another of it, as servers have it that
/// redirect from the one to the other.
fn resource(url: &Url) -> (Vec<Cow<'_, [u8]>>, bool) {
    let parts = url.path().split('/').filter(|part| !part.is_empty());
    let parts = parts.map(|part| percent_decode_str(part).into()).collect();
    (parts, url.path().ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::http::Endpoint;
    use crate::providers::http::endpoint::tests::{DIALECT, connection};
    use http::HeaderValue;

    #[test]
    fn redirects_stay_at_home_and_change_nothing() {
        let endpoint = Endpoint::new(&connection(Some("https://h.example/api")), &DIALECT).unwrap();
        let get = endpoint.get(&["repos", "a"]).unwrap();
        let post = endpoint.post(&["repos", "a"], &()).unwrap();
        let leads_where = |outgoing: &Outgoing, status: u16, to: &str, writes: bool| {
            let headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_str(to).unwrap())]);
            moved(
                outgoing,
                &endpoint.base,
                StatusCode::from_u16(status).unwrap(),
                &headers,
                writes,
            )
            .map(String::from)
        };
        let leads = |outgoing: &Outgoing, status, to: &str| leads_where(outgoing, status, to, true);
        let there = Some("https://h.example/api/repositories/1".to_owned());
        for status in [301, 302, 307, 308] {
            assert_eq!(leads(&get, status, "https://h.example/api/repositories/1"), there);
            assert_eq!(leads(&get, status, "/api/repositories/1"), there);
            for beside in [
                "/",
                "/repositories/1",
                "/apis/1",
                "/api/../admin",
                "/api/%2e%2e/admin",
                "/api/..%2fadmin",
                "/api/x/..%5c..%5cadmin",
                "/api/..;/admin",
            ] {
                assert_eq!(leads(&get, status, beside), None, "{beside}");
                assert_eq!(leads(&post, status, beside), None, "{beside}");
            }
            assert_eq!(leads(&get, status, "https://evil.example/api/repositories/1"), None);
            assert_eq!(leads(&get, status, "http://h.example/api/repositories/1"), None);
            assert_eq!(leads(&get, status, "https://h.example:8443/api/repositories/1"), None);
            assert_eq!(leads(&get, status, "https://u:p@h.example/api/repositories/1"), None);
        }
        assert_eq!(leads(&get, 303, "/api/repositories/1"), None);
        assert_eq!(leads(&post, 302, "/api/repositories/1"), None);
        assert_eq!(leads(&post, 301, "/api/repositories/1"), there);
        assert_eq!(leads(&post, 307, "/api/repositories/1"), there);
        // Where the provider's redirects of writes are not followed, those of reads are.
        let head = endpoint.bare(Method::HEAD, &["repos", "a"]).unwrap();
        for status in [301, 307, 308] {
            assert_eq!(leads_where(&post, status, "/api/repositories/1", false), None);
            assert_eq!(leads_where(&get, status, "/api/repositories/1", false), there);
            assert_eq!(leads_where(&head, status, "/api/repositories/1", false), there);
        }
    }

    #[test]
    fn a_write_is_not_sent_again_to_where_it_was_sent() {
        let endpoint = Endpoint::new(&connection(Some("https://h.example/api")), &DIALECT).unwrap();
        let get = endpoint.get(&["repos", "a"]).unwrap();
        let post = endpoint.post(&["repos", "a"], &()).unwrap();
        let follows = |outgoing: &Outgoing, to: &str| {
            let headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_str(to).unwrap())]);
            [301, 307, 308].map(|status| {
                moved(
                    outgoing,
                    &endpoint.base,
                    StatusCode::from_u16(status).unwrap(),
                    &headers,
                    true,
                )
                .is_some()
            })
        };
        for itself in [
            "",
            "#a",
            "?again=1",
            "/api/repos/a",
            "/api//repos/./a",
            "/api/x/../repos/%61",
            "https://H.example:443/api/repos/a",
        ] {
            assert_eq!(follows(&post, itself), [false; 3], "{itself}");
        }
        assert_eq!(follows(&post, "/api/repos/b"), [true; 3]);
        assert_eq!(follows(&post, "/api/repos/a/"), [true; 3]);
        assert_eq!(follows(&get, ""), [true; 3]);
    }
}
