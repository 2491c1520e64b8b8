//! The secrets of a credential, as they may come back.
//!
//! Invariant: each part of it that lets somebody in is among them, and nothing that is a word of a language. How a server that
//! echoes one writes its signs is [`spelled`](super::spelled).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

/// The shortest secret that is looked for: what is shorter stands anywhere.
const SHORTEST: usize = 8;
/// Letters alone, and fewer than these, are a word of a language as likely as a secret.
const LONGEST_WORD: usize = 12;

/// The secrets of a credential as it was sent.
pub(super) fn of(own: &HeaderMap, worn: &HeaderMap) -> Vec<String> {
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
    secrets.retain(|secret| secret.len() >= SHORTEST && !is_word(secret));
    secrets.sort_unstable();
    secrets.dedup();
    secrets
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
}
