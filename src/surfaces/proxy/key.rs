//! The key of a caller whose client speaks to a provider: it stands where that provider's clients have their token.
//!
//! Invariant: where one is shown it is looked at, and one that is shown in a way that nobody knows is refused.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use mosaic_actors::error::Failure;

use super::super::auth::refused;
use super::headers::CREDENTIALS;

/// The key that a request shows, if it shows one: as `Bearer`, `token` (forges), or the password of `Basic` (Jenkins) in
/// `Authorization`, or in a header of its own.
///
/// # Errors
/// `unauthenticated`, where it cannot be read.
pub(super) fn presented(headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, Failure> {
    for name in CREDENTIALS {
        let Some(value) = headers.get(name) else { continue };
        let text = value.to_str().map_err(|_| refused("the API key is not ASCII"))?.trim();
        if name != AUTHORIZATION {
            return Ok(Some(text.into()));
        }
        let key = in_authorization(text);
        let unknown = || refused("the Authorization header is none of Bearer, token and Basic");
        return key.map(Some).ok_or_else(unknown);
    }
    Ok(None)
}

fn in_authorization(text: &str) -> Option<Cow<'_, str>> {
    let (scheme, rest) = text.split_once(' ')?;
    let rest = rest.trim();
    match &*scheme.to_ascii_lowercase() {
        "bearer" | "token" => Some(rest.into()),
        "basic" => {
            let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
            let (user, password) = pair.split_once(':')?;
            // Some write a token in the place of the user, and nothing behind it.
            let key = if password.is_empty() { user } else { password };
            Some(key.to_owned().into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn shown(name: &'static str, value: &'static str) -> Result<Option<String>, Failure> {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
        presented(&headers).map(|key| key.map(Cow::into_owned))
    }

    #[test]
    fn a_key_is_found_where_a_providers_clients_have_their_token() {
        for (name, value) in [
            ("authorization", "Bearer the-key"),
            ("authorization", "token the-key"),
            ("authorization", "Token the-key"),
            ("authorization", "Basic dXNlcjp0aGUta2V5"),
            ("authorization", "Basic dGhlLWtleTo="),
            ("x-api-key", "the-key"),
            ("private-token", "the-key"),
            ("api-key", "the-key"),
        ] {
            assert_eq!(
                shown(name, value).unwrap().as_deref(),
                Some("the-key"),
                "{name}: {value}"
            );
        }
        assert_eq!(shown("accept", "the-key").unwrap(), None);
        for odd in ["Digest the-key", "the-key", "Basic !", "Basic dGhlLWtleQ=="] {
            assert!(shown("authorization", odd).is_err(), "{odd}");
        }
    }
}
