//! Who is calling, by API key.
//!
//! Invariant: a credential that is presented and wrong is refused, even where callers without one are let in.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use mosaic_actors::call::Caller;
use mosaic_actors::error::{Failure, Kind};

/// The other header that carries a key.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Knows keys.
pub type Keys = Arc<dyn Fn(&str) -> Option<Caller> + Send + Sync>;

/// Turns a request's headers into a caller.
#[derive(Clone)]
pub struct Authenticator {
    keys: Keys,
    anonymous: Option<Caller>,
}

impl Authenticator {
    /// Takes callers that `keys` knows; without a key, `anonymous` where it is configured.
    pub fn new(keys: Keys, anonymous: Option<Caller>) -> Self {
        Authenticator { keys, anonymous }
    }

    /// The caller of a request.
    ///
    /// # Errors
    /// `unauthenticated`.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, Failure> {
        match presented(headers)? {
            Some(key) => (self.keys)(key).ok_or_else(|| refused("this API key is not known")),
            None => self
                .anonymous
                .clone()
                .ok_or_else(|| refused("give an API key: Authorization: Bearer <key>, or X-Api-Key")),
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("anonymous", &self.anonymous)
            .finish_non_exhaustive()
    }
}

/// The token of `Authorization: Bearer`, where that header is what it should be.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn presented(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    if headers.contains_key(AUTHORIZATION) {
        return bearer(headers)
            .map(Some)
            .ok_or_else(|| refused("the Authorization header is not a Bearer token"));
    }
    headers
        .get(API_KEY)
        .map(|value| value.to_str().map_err(|_| refused("the X-Api-Key header is not ASCII")))
        .transpose()
}

fn refused(sentence: &str) -> Failure {
    Failure::new(Kind::Unauthenticated, sentence).never_sent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn caller(name: &str) -> Caller {
        Caller {
            tenant: Arc::from(name),
            identity: Arc::from(name),
        }
    }

    fn ask(name: HeaderName, value: &'static str, anonymous: bool) -> Result<Caller, Kind> {
        let keys: Keys = Arc::new(|key| (key == "good").then(|| caller("known")));
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        Authenticator::new(keys, anonymous.then(|| caller("nobody")))
            .caller(&headers)
            .map_err(|failure| failure.kind)
    }

    #[test]
    fn both_headers_carry_keys_and_a_wrong_one_is_never_anonymous() {
        assert_eq!(ask(AUTHORIZATION, "Bearer good", false), Ok(caller("known")));
        assert_eq!(ask(AUTHORIZATION, "bearer good", false), Ok(caller("known")));
        assert_eq!(ask(API_KEY, "good", false), Ok(caller("known")));
        assert_eq!(ask(API_KEY, "bad", true), Err(Kind::Unauthenticated));
        assert_eq!(ask(AUTHORIZATION, "Basic good", true), Err(Kind::Unauthenticated));
        assert_eq!(
            ask(HeaderName::from_static("accept"), "good", true),
            Ok(caller("nobody"))
        );
        assert_eq!(
            ask(HeaderName::from_static("accept"), "good", false),
            Err(Kind::Unauthenticated)
        );
    }
}
