//! Headers of a request that is passed through.
//!
//! Invariant: none that holds a credential of our caller's, that names another user in whose name ours would act, that is
//! about our connection, or that says where a request came from goes on. A body goes on as it came, whatever it names.

use http::header::{HeaderMap, HeaderName, HeaderValue, UPGRADE};
use mosaic_actors::error::Failure;

use crate::wire::hops;

/// Headers in which callers show who they are, to us.
pub(super) const CREDENTIALS: [&str; 5] = [
    "authorization",
    "x-api-key",
    "private-token",
    "api-key",
    "x-goog-api-key",
];

/// About our connection and our caller beside what every hop keeps, other paths than the one that was looked at, credentials
/// of other kinds, which a provider might heed before ours, and other users in whose names ours would act.
const OURS: [&str; 28] = [
    "accept-encoding",
    "api-token",
    "cdn-loop",
    "cf-connecting-ip",
    "content-length",
    "cookie",
    "deploy-token",
    "expect",
    "forwarded",
    "host",
    "job-token",
    "ocp-apim-subscription-key",
    "sudo",
    "true-client-ip",
    "via",
    "x-access-token",
    "x-amz-security-token",
    "x-api-token",
    "x-auth-token",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-gitea-otp",
    "x-github-otp",
    "x-gitlab-sudo",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "x-sudo",
];

/// By these a request would be of another method to some servers.
const OVERRIDES: [&str; 3] = ["x-http-method", "x-http-method-override", "x-method-override"];

/// The headers that go on; `fixed`: what its method makes of it, a read or a question to a model, it stays.
pub(super) fn going_on(headers: &HeaderMap, fixed: bool) -> HeaderMap {
    let named = hops::named(headers);
    let stays = |name: &HeaderName| {
        let text = name.as_str();
        hops::is_hop(name)
            || named.contains(text)
            || CREDENTIALS.contains(&text)
            || OURS.contains(&text)
            || text.starts_with("x-forwarded-")
            || text.starts_with("x-mosaic-")
            || (fixed && OVERRIDES.contains(&text))
    };
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        // A copy: a call lives as long as its stream, and the value would keep all that its connection read with it.
        let copied = HeaderValue::from_bytes(value.as_bytes());
        if let Some(value) = copied.ok().filter(|_| !stays(name)) {
            kept.append(name.clone(), value);
        }
    }
    kept
}

/// Another protocol is spoken with nobody through us.
///
/// # Errors
/// `unsupported` on `upgrade`. One to HTTP/2, which clients offer unasked, may be passed over.
pub(super) fn check_upgrade(headers: &HeaderMap) -> Result<(), Failure> {
    let wanted = headers.get_all(UPGRADE).iter();
    let offers = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"h2c");
    match wanted.into_iter().all(offers) {
        true => Ok(()),
        false => {
            let sentence = "another protocol cannot be passed through; ask over HTTP";
            Err(Failure::unsupported_field("upgrade", sentence).never_sent())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(words: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in words {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_is_ours_stays_and_the_rest_goes_on() {
        let theirs = [
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("if-none-match", "\"1\""),
            ("range", "bytes=0-1"),
            ("user-agent", "PyGithub/Python"),
            ("x-github-api-version", "2022-11-28"),
            ("openai-beta", "a"),
            ("openai-beta", "b"),
        ];
        let ours = [
            ("authorization", "Bearer ours"),
            ("x-api-key", "ours"),
            ("private-token", "ours"),
            ("job-token", "ours"),
            ("deploy-token", "ours"),
            ("x-auth-token", "ours"),
            ("x-github-otp", "123456"),
            ("api-key", "ours"),
            ("x-goog-api-key", "ours"),
            ("proxy-authorization", "Basic ours"),
            ("cookie", "session=ours"),
            ("host", "127.0.0.1:8080"),
            ("connection", "keep-alive, X-Own, content-type2"),
            ("x-own", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("content-length", "2"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("accept-encoding", "gzip"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-host", "h"),
            ("x-real-ip", "1.2.3.4"),
            ("true-client-ip", "1.2.3.4"),
            ("via", "1.1 inner"),
            ("x-original-url", "/admin"),
            ("x-rewrite-url", "/admin"),
            ("x-mosaic-provider", "other"),
            ("sudo", "root"),
            ("x-sudo", "root"),
            ("x-gitlab-sudo", "1"),
            ("x-http-method-override", "DELETE"),
        ];
        assert_eq!(
            going_on(&headers(&[&theirs[..], &ours[..]].concat()), true),
            headers(&theirs)
        );
        let written = headers(&[("x-http-method-override", "PATCH")]);
        assert_eq!(going_on(&written, false), written);
    }

    #[test]
    fn no_other_protocol_is_spoken() {
        assert!(check_upgrade(&headers(&[])).is_ok());
        assert!(check_upgrade(&headers(&[("upgrade", "h2c")])).is_ok());
        for wanted in ["websocket", "h2c, websocket", "tcp"] {
            let failure = check_upgrade(&headers(&[("upgrade", wanted)])).unwrap_err();
            assert_eq!(failure.field.as_deref(), Some("upgrade"));
        }
    }
}
