//! Headers of a request that a caller has made.
//!
//! Invariant: what an endpoint is configured to send, its credential first, is never overruled by a caller.

use http::header::{self, HeaderMap, HeaderName};

/// The headers of a request: the caller's, and over them the endpoint's own, save where those only say in which form an
/// answer is wanted.
pub(super) fn merged(callers: &HeaderMap, own: &HeaderMap, worn: &HeaderMap) -> HeaderMap {
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

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
}
