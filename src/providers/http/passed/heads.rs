//! Headers of the answers that are passed through.
//!
//! Invariant: what is about one connection, the provider's own site or our credential stays here.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use url::Url;

use super::guards::Guards;
use super::replace::Replacer;
use crate::providers::http::{limits, waits};
use crate::wire::hops;

/// About the provider's site as browsers see it, or challenges for a credential that is not the caller's.
const ITS_OWN: [&str; 18] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "alt-svc",
    "clear-site-data",
    "nel",
    "proxy-authenticate",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "timing-allow-origin",
    "www-authenticate",
];
/// Orders to whoever stands in front of us: what to keep, for whom, and what to serve in the place of the answer.
const TO_OUR_FRONT: [&str; 9] = [
    "cache-tag",
    "cache-tags",
    "edge-control",
    "surrogate-control",
    "surrogate-key",
    "x-accel-expires",
    "x-accel-redirect",
    "x-lighttpd-send-file",
    "x-sendfile",
];
/// Such a one for each vendor of a network.
const FOR_NETWORKS: &str = "cdn-cache-control";
/// What we say ourselves.
const OURS: &str = "x-mosaic-";

/// What is untrue of a body in which something was replaced.
const OF_THE_BYTES: [HeaderName; 5] = [
    header::CONTENT_LENGTH,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// The headers of an answer that go on, with what is to be replaced in them replaced.
pub(super) fn going_on(headers: &HeaderMap, asked: &Url, guards: &Guards) -> HeaderMap {
    let named = hops::named(headers);
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if stays(name)
            || is_absurd(name, value)
            || named.contains(name.as_str())
            || guards.masks.rules.stands_in(value.as_bytes())
            || guards.masks.rules.stands_in(name.as_str().as_bytes())
        {
            continue;
        }
        let resolved = match *name {
            header::LOCATION | header::CONTENT_LOCATION => resolved(value, asked),
            _ => None,
        };
        let value = resolved.as_ref().unwrap_or(value);
        if !guards.rules.stands_in(value.as_bytes()) {
            kept.append(name.clone(), value.clone());
            continue;
        }
        let replaced = Replacer::whole(&guards.rules, Bytes::copy_from_slice(value.as_bytes()));
        if let Ok(replaced) = HeaderValue::from_bytes(&replaced) {
            kept.append(name.clone(), replaced);
        }
    }
    kept
}

/// Whether a header of an answer is nothing to our caller.
fn stays(name: &HeaderName) -> bool {
    let text = name.as_str();
    hops::is_hop(name)
        || ITS_OWN.contains(&text)
        || TO_OUR_FRONT.contains(&text)
        || text.ends_with(FOR_NETWORKS)
        || text.starts_with(OURS)
}

/// Whether it asks for a wait, or tells of a limit, as nobody can mean it: clients sleep for as long as they are told.
fn is_absurd(name: &HeaderName, value: &HeaderValue) -> bool {
    let (name, text) = (name.as_str(), value.to_str().unwrap_or("-").trim());
    match name {
        "retry-after" | "retry-after-ms" => !waits::is_bearable(name, text, Timestamp::now()),
        _ => limits::is_absurd(name, text),
    }
}

/// What was said of the bytes is not true of others.
pub(super) fn changed(headers: &mut HeaderMap) {
    for name in &OF_THE_BYTES {
        headers.remove(name);
    }
}

/// A reference, as where it leads from what was asked: below our own address it would lead elsewhere.
fn resolved(value: &HeaderValue, asked: &Url) -> Option<HeaderValue> {
    let url = asked.join(value.to_str().ok()?).ok()?;
    HeaderValue::from_str(url.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::masks::Masks;
    use super::super::replace::Sought;
    use super::*;

    fn headers(words: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in words {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn no_wait_and_no_limit_goes_on_that_nobody_can_mean() {
        let asked = Url::parse("https://h.example/").unwrap();
        let kept = |name: &'static str, value: &str| {
            let headers = headers(&[(name, value)]);
            going_on(&headers, &asked, &Guards::default()).contains_key(name)
        };
        for (name, value) in [
            ("retry-after", "30"),
            ("retry-after", "0"),
            ("retry-after-ms", "1500.5"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1760000000"),
            ("x-ratelimit-reset-tokens", "6m0s"),
            ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:00Z"),
            ("ratelimit-policy", "\"burst\";q=100;w=60"),
            ("x-request-number", "99999999999999999999"),
        ] {
            assert!(kept(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("retry-after", "99999999999999999999"),
            ("retry-after", "86401"),
            ("retry-after", "1e3"),
            ("retry-after", "-1"),
            ("retry-after", "soon"),
            ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"),
            ("retry-after-ms", "999999999999"),
            ("x-ratelimit-reset", "99999999999999999999999"),
            ("x-ratelimit-limit", "-1"),
            ("x-rate-limit-remaining", "12345678901234567"),
        ] {
            assert!(!kept(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn what_leads_to_the_provider_leads_back_and_what_is_its_own_stays() {
        let guards = Guards {
            rules: Arc::new(Sought::of(
                [("https://h.example/api".to_owned(), "http://gw/proxy/a".to_owned())],
                &[],
            )),
            masks: Arc::new(Masks::of(vec!["tok-secret-1".to_owned()], None)),
            ..Guards::default()
        };
        let asked = Url::parse("https://h.example/api/repos/x?page=1").unwrap();
        let answer = headers(&[
            ("location", "/api/repos/y"),
            ("link", "<https://h.example/api/repos?page=2>; rel=\"next\""),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("set-cookie", "a=b"),
            ("x-mosaic-provider", "another"),
            ("x-accel-redirect", "/private/file"),
            ("x-accel-expires", "60"),
            ("cdn-cache-control", "public, max-age=60"),
            ("example-cdn-cache-control", "public"),
            ("strict-transport-security", "max-age=1"),
            ("x-echo", "the tok-secret-1 of ours"),
            ("etag", "\"1\""),
        ]);
        let kept = going_on(&answer, &asked, &guards);
        let expected = headers(&[
            ("location", "http://gw/proxy/a/repos/y"),
            ("link", "<http://gw/proxy/a/repos?page=2>; rel=\"next\""),
            ("etag", "\"1\""),
        ]);
        assert_eq!(kept, expected);
        for (location, leads) in [
            ("https://other.example/x", "https://other.example/x"),
            ("/login", "https://h.example/login"),
            ("y", "http://gw/proxy/a/repos/y"),
            ("//evil.example/x", "https://evil.example/x"),
        ] {
            let kept = going_on(&headers(&[("location", location)]), &asked, &guards);
            assert_eq!(kept["location"], leads);
        }
    }
}
