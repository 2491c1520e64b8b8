//! The secrets of a credential, as they may come back.
//!
//! Invariant: however a server that echoes one writes it, in JSON, in a URL or in a page, that spelling is among them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The shortest secret that is looked for: what is shorter stands anywhere.
const SHORTEST: usize = 8;
/// Letters alone, and fewer than these, are a word of a language as likely as a secret.
const LONGEST_WORD: usize = 12;

/// What stands for itself in a URL.
const IN_URLS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What writers of JSON write as `\u` and four digits though they need not, lest a page read it: none; Go and Rails; Gson;
/// .NET.
const WARY: [&str; 4] = ["", "<>&", "<>&='", "<>&'+`\""];

/// What writers of HTML write for what a page would read: most of them, and Go.
const PAGES: [&[(char, &str)]; 2] = [
    &[
        ('&', "&amp;"),
        ('<', "&lt;"),
        ('>', "&gt;"),
        ('"', "&quot;"),
        ('\'', "&#39;"),
    ],
    &[
        ('&', "&amp;"),
        ('<', "&lt;"),
        ('>', "&gt;"),
        ('"', "&#34;"),
        ('\'', "&#39;"),
        ('+', "&#43;"),
    ],
];

/// The secrets of a credential as it was sent, each in the ways in which it may come back.
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
    let written: Vec<String> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
    secrets.extend(written);
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

/// Whether a secret may be a word: what is hidden then would not be the secret, but keys and sentences that are not about it.
fn is_word(secret: &str) -> bool {
    secret.len() < LONGEST_WORD && secret.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// How else one may be written.
fn spellings(secret: &str) -> Vec<String> {
    let encoded = [
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(secret, IN_URLS).to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    ];
    let small = encoded.iter().map(|text| small_digits(text)).collect::<Vec<_>>();
    let pages = PAGES.iter().map(|signs| in_page(secret, signs));
    let json = WARY.iter().flat_map(|wary| {
        [false, true].into_iter().flat_map(move |large| {
            let written = in_json(secret, wary, large);
            [written.replace('/', r"\/"), written]
        })
    });
    pages.chain(json).chain(small).chain(encoded.clone()).collect()
}

/// In a string of JSON.
fn in_json(secret: &str, wary: &str, large: bool) -> String {
    let mut written = String::with_capacity(secret.len());
    for sign in secret.chars() {
        match sign {
            sign if wary.contains(sign) && large => written.push_str(&format!("\\u{:04X}", u32::from(sign))),
            sign if wary.contains(sign) => written.push_str(&format!("\\u{:04x}", u32::from(sign))),
            '"' | '\\' => written.extend(['\\', sign]),
            sign => written.push(sign),
        }
    }
    written
}

/// In a page.
fn in_page(secret: &str, signs: &[(char, &str)]) -> String {
    let mut written = String::with_capacity(secret.len());
    for sign in secret.chars() {
        match signs.iter().find(|(plain, _)| *plain == sign) {
            Some((_, name)) => written.push_str(name),
            None => written.push(sign),
        }
    }
    written
}

/// What is percent-encoded, with small letters for digits.
fn small_digits(encoded: &str) -> String {
    let mut written = String::with_capacity(encoded.len());
    let mut digits = 0;
    for sign in encoded.chars() {
        match sign {
            '%' => digits = 2,
            _ if digits > 0 => {
                digits -= 1;
                written.push(sign.to_ascii_lowercase());
                continue;
            }
            _ => {}
        }
        written.push(sign);
    }
    written
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
        assert!(sent("Bearer ghs/secret+1").contains(&r"ghs\/secret+1".to_owned()));
        assert!(sent("Bearer ghs/secret+1").contains(&"ghs%2Fsecret%2B1".to_owned()));
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
    fn it_is_known_as_each_writer_writes_it() {
        let known = sent(r#"Bearer a&b<c>d=e'f+g"h\i/j"#);
        for written in [
            r#"a&b<c>d=e'f+g\"h\\i/j"#,
            r#"a\u0026b\u003cc\u003ed=e'f+g\"h\\i/j"#,
            r#"a\u0026b\u003Cc\u003Ed=e'f+g\"h\\i\/j"#,
            r#"a\u0026b\u003cc\u003ed\u003de\u0027f+g\"h\\i/j"#,
            r#"a\u0026b\u003Cc\u003Ed=e\u0027f\u002Bg\u0022h\\i/j"#,
            "a&amp;b&lt;c&gt;d=e&#39;f+g&quot;h\\i/j",
            "a&amp;b&lt;c&gt;d=e&#39;f&#43;g&#34;h\\i/j",
            "a%26b%3cc%3ed%3de%27f%2bg%22h%5ci%2fj",
        ] {
            assert!(known.iter().any(|known| known == written), "{written} in {known:?}");
        }
        assert!(sent("Bearer a-b.c_d~e/f").contains(&"a-b.c_d~e%2Ff".to_owned()));
        // Most hold nothing that is written in more than one way.
        assert_eq!(sent("Bearer glpat1234567890"), ["glpat1234567890"]);
    }
}
