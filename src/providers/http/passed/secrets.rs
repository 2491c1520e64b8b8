//! The secrets of a credential, as they may come back.
//!
//! Invariant: each part of it that lets somebody in is among them, in any language, and nothing that is a word of one; and so
//! is what a form makes of each, which writes spaces as `+`. How else a server that echoes one writes its signs is
//! [`spelled`](super::spelled).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

/// The shortest secret that is looked for: what is shorter stands anywhere.
const SHORTEST: usize = 8;
/// Letters alone, and fewer than these, are a word of a language as likely as a secret.
const LONGEST_WORD: usize = 12;
/// What may stand before a secret in a header, with a space behind it.
const SCHEMES: [&str; 3] = ["basic", "bearer", "token"];

/// The secrets of a credential as it was sent.
pub(super) fn of(own: &HeaderMap, worn: &HeaderMap) -> Vec<String> {
    let mut secrets = Vec::new();
    let values = own.values().chain(worn.values()).filter(|value| value.is_sensitive());
    for text in values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()) {
        let (scheme, secret) = text.rsplit_once(' ').unwrap_or(("", text));
        secrets.push(secret.to_owned());
        secrets.push(without_scheme(text).to_owned());
        if let Some((_, second)) = secret.split_once([':', '=']) {
            secrets.push(second.to_owned());
        }
        let pair = scheme
            .eq_ignore_ascii_case("basic")
            .then(|| STANDARD.decode(secret).ok());
        let pair = pair.flatten().and_then(|pair| String::from_utf8(pair).ok());
        secrets.extend(pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned())));
    }
    let spaced = secrets.iter().filter(|secret| secret.contains(' '));
    let in_forms: Vec<String> = spaced.map(|secret| secret.replace(' ', "+")).collect();
    secrets.extend(in_forms);
    secrets.retain(|secret| secret.len() >= SHORTEST && !is_word(secret));
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

/// All of a secret that holds spaces itself.
fn without_scheme(text: &str) -> &str {
    let named = |scheme: &str| SCHEMES.iter().any(|one| one.eq_ignore_ascii_case(scheme));
    match text.split_once(' ') {
        Some((scheme, secret)) if named(scheme) => secret,
        _ => text,
    }
}

/// Whether a secret may be a word: what is hidden then would not be the secret, but keys and sentences that are not about it.
fn is_word(secret: &str) -> bool {
    secret.len() < LONGEST_WORD && secret.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, header};

    fn sent(text: &str) -> Vec<String> {
        let mut value = HeaderValue::from_str(text).unwrap();
        value.set_sensitive(true);
        of(
            &HeaderMap::from_iter([(header::AUTHORIZATION, value)]),
            &HeaderMap::new(),
        )
    }

    #[test]
    fn a_credential_is_known_in_each_of_its_forms() {
        assert!(sent("Bearer ghs/secret+1").contains(&"ghs/secret+1".to_owned()));
        // A user's name and password.
        assert!(sent("Basic a2ltOnBhc3N3b3JkLTE=").contains(&"password-1".to_owned()));
        assert!(sent("Token identity:the-secret").contains(&"the-secret".to_owned()));
        assert!(sent("Bearer short").is_empty());
        // It would be found where somebody speaks of pipelines.
        assert!(sent("Bearer pipeline").is_empty());
        assert_eq!(sent("Bearer pipeline1"), ["pipeline1"]);
        assert_eq!(sent("Bearer correcthorsebattery"), ["correcthorsebattery"]);
        let plain = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
        assert!(of(&plain, &HeaderMap::new()).is_empty());
    }

    #[test]
    fn one_of_any_language_and_with_spaces_is_known_and_as_a_form_has_it() {
        // `kim:Grüße-2024!`
        assert!(sent("Basic a2ltOkdyw7zDn2UtMjAyNCE=").contains(&"Grüße-2024!".to_owned()));
        assert!(sent("Bearer Grüße-2024!").contains(&"Grüße-2024!".to_owned()));
        for header in [
            // `kim:correct horse battery`
            "Basic a2ltOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==",
            "Bearer correct horse battery",
            "correct horse battery",
        ] {
            let known = sent(header);
            for secret in ["correct horse battery", "correct+horse+battery"] {
                assert!(known.contains(&secret.to_owned()), "{header}: {known:?}");
            }
        }
    }
}
