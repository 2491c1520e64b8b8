//! Credentials as headers carry them.
//!
//! Invariant: a scheme is known in whatever case, and nothing but its token is handed on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

/// The token behind one of these schemes: `Bearer T`, `token T`.
pub(crate) fn token<'a>(value: &'a HeaderValue, schemes: &[&str]) -> Option<&'a str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let known = schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then_some(token)
}

/// The name and the password of `Basic …`.
pub(crate) fn basic(value: &HeaderValue) -> Option<(String, String)> {
    let pair = STANDARD.decode(token(value, &["basic"])?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_known_in_whatever_case() {
        let of = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            token(&value, &["bearer", "token"]).map(str::to_owned)
        };
        assert_eq!(of("Bearer a b").as_deref(), Some("a b"));
        assert_eq!(of("TOKEN x").as_deref(), Some("x"));
        assert_eq!((of("Basic x"), of("Bearer")), (None, None));
    }

    #[test]
    fn a_password_may_hold_colons() {
        let of = |text: &'static str| basic(&HeaderValue::from_static(text));
        // `a:b:c`.
        assert_eq!(of("Basic YTpiOmM="), Some(("a".to_owned(), "b:c".to_owned())));
        assert_eq!((of("Basic YQ=="), of("Basic ?"), of("Bearer YTpi")), (None, None, None));
    }
}
