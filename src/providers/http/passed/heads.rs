//! Headers of what is passed through: which of ours go with a request, and which of its answer's go on.
//!
//! Invariant: what an endpoint is configured to send, its credential first, is never overruled by a caller; and what is about
//! one connection, the provider's own site or our credential stays here.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::replace::{Replacer, Rules};
use crate::wire::hops;

/// About the provider's site as browsers see it, or challenges for a credential that is not the caller's.
const ITS_OWN: [&str; 15] = [
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
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "www-authenticate",
];

/// What is untrue of a body in which something was replaced.
const OF_THE_BYTES: [HeaderName; 5] = [
    header::CONTENT_LENGTH,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// The headers of a request: the caller's, and over them the endpoint's own, save where those only say in which form an
/// answer is wanted.
pub(in crate::providers::http) fn merged(callers: &HeaderMap, own: &HeaderMap, worn: &HeaderMap) -> HeaderMap {
    let mut headers = callers.clone();
    for (name, value) in own {
        if !(is_form(name) && callers.contains_key(name)) {
            headers.insert(name, value.clone());
        }
    }
    for (name, value) in worn {
        headers.insert(name, value.clone());
    }
    headers
}

/// Whether a header says in which form, or by which version of the API, an answer is wanted.
fn is_form(name: &HeaderName) -> bool {
    *name == header::ACCEPT || name.as_str().ends_with("-version")
}

/// The headers of an answer that go on, with what is to be replaced in them replaced.
pub(super) fn going_on(headers: &HeaderMap, asked: &Url, rules: &Rules, secrets: &[String]) -> HeaderMap {
    let named = hops::named(headers);
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let stays = hops::is_hop(name) || named.contains(name.as_str()) || ITS_OWN.contains(&name.as_str());
        if stays || holds(value, secrets) {
            continue;
        }
        let resolved = match *name {
            header::LOCATION | header::CONTENT_LOCATION => resolved(value, asked),
            _ => None,
        };
        let value = resolved.as_ref().unwrap_or(value);
        let replaced = Replacer::whole(rules, Bytes::copy_from_slice(value.as_bytes()));
        if let Ok(replaced) = HeaderValue::from_bytes(&replaced) {
            kept.append(name.clone(), replaced);
        }
    }
    kept
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

/// Whether one of the secrets stands in it.
fn holds(value: &HeaderValue, secrets: &[String]) -> bool {
    let text = value.as_bytes();
    let stands = |secret: &String| memchr::memmem::find(text, secret.as_bytes()).is_some();
    secrets.iter().any(stands)
}

/// The shortest secret that is looked for: what is shorter stands anywhere.
const SHORTEST: usize = 8;

/// The secrets of a credential as it was sent, each in the ways in which it may come back.
pub(super) fn secrets(own: &HeaderMap, worn: &HeaderMap) -> Vec<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut secrets = Vec::new();
    let values = own.values().chain(worn.values()).filter(|value| value.is_sensitive());
    for text in values.filter_map(|value| value.to_str().ok()) {
        let (scheme, secret) = text.rsplit_once(' ').unwrap_or(("", text));
        secrets.push(secret.to_owned());
        if let Some((_, second)) = secret.split_once([':', '=']) {
            secrets.push(second.to_owned());
        }
        let pair = scheme
            .eq_ignore_ascii_case("basic")
            .then(|| STANDARD.decode(secret).ok());
        let pair = pair.flatten().and_then(|pair| String::from_utf8(pair).ok());
        secrets.extend(pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned())));
    }
    let written: Vec<String> = secrets
        .iter()
        .flat_map(|secret| {
            let encoded = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
            let loosely: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            [secret.replace('/', r"\/"), encoded.to_string(), loosely]
        })
        .collect();
    secrets.extend(written);
    secrets.retain(|secret| secret.len() >= SHORTEST);
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

#[cfg(test)]
mod tests {
    use super::super::replace::Rule;
    use super::*;

    fn headers(words: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in words {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_caller_says_the_form_and_nothing_else_of_what_is_ours() {
        let callers = headers(&[
            ("accept", "text/plain"),
            ("x-api-version", "2"),
            ("openai-organization", "other"),
            ("x-own", "1"),
        ]);
        let own = headers(&[
            ("accept", "application/json"),
            ("x-api-version", "1"),
            ("openai-organization", "org"),
            ("authorization", "A"),
        ]);
        let merged = merged(&callers, &own, &headers(&[("authorization", "B")]));
        let expected = [
            ("accept", "text/plain"),
            ("x-api-version", "2"),
            ("openai-organization", "org"),
            ("x-own", "1"),
            ("authorization", "B"),
        ];
        assert_eq!(merged, headers(&expected));
    }

    #[test]
    fn what_leads_to_the_provider_leads_back_and_what_is_its_own_stays() {
        let rules: Rules = [Rule::url("https://h.example/api", "http://gw/proxy/a")].into();
        let asked = Url::parse("https://h.example/api/repos/x?page=1").unwrap();
        let answer = headers(&[
            ("location", "/api/repos/y"),
            ("link", "<https://h.example/api/repos?page=2>; rel=\"next\""),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("set-cookie", "a=b"),
            ("strict-transport-security", "max-age=1"),
            ("x-echo", "the tok-secret-1 of ours"),
            ("etag", "\"1\""),
        ]);
        let kept = going_on(&answer, &asked, &rules, &["tok-secret-1".to_owned()]);
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
            let kept = going_on(&headers(&[("location", location)]), &asked, &rules, &[]);
            assert_eq!(kept["location"], leads);
        }
    }

    #[test]
    fn a_credential_is_known_in_each_of_its_forms() {
        let sent = |text: &str| {
            let mut value = HeaderValue::from_str(text).unwrap();
            value.set_sensitive(true);
            secrets(
                &HeaderMap::from_iter([(header::AUTHORIZATION, value)]),
                &HeaderMap::new(),
            )
        };
        assert!(sent("Bearer ghs/secret+1").contains(&"ghs/secret+1".to_owned()));
        assert!(sent("Bearer ghs/secret+1").contains(&r"ghs\/secret+1".to_owned()));
        assert!(sent("Bearer ghs/secret+1").contains(&"ghs%2Fsecret%2B1".to_owned()));
        // A user's name and password.
        assert!(sent("Basic a2ltOnBhc3N3b3JkLTE=").contains(&"password-1".to_owned()));
        assert!(sent("Token identity:the-secret").contains(&"the-secret".to_owned()));
        assert!(sent("Bearer short").is_empty());
        assert!(secrets(&headers(&[("accept", "application/json")]), &HeaderMap::new()).is_empty());
    }
}
