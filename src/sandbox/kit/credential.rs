//! Credentials as headers carry them.
//!
//! Invariant: a scheme is known in whatever case, and nothing but its token is handed on.

use http::HeaderValue;

/// The token behind one of these schemes: `Bearer T`, `token T`.
pub(crate) fn token<'a>(value: &'a HeaderValue, schemes: &[&str]) -> Option<&'a str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let known = schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then_some(token)
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
}
