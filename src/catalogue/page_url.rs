//! Pages for people, by their addresses.
//!
//! Invariant: what is shown as a page leads a browser to a page, and has it run nothing.

use url::Url;

use super::link::Link;

/// The most bytes of one.
const LONGEST: usize = 4096;

/// Whether an address is that of a page: `http` or `https`, of a host, without a credential.
pub fn is_page(address: &str) -> bool {
    let is_plain = address.len() <= LONGEST && !address.chars().any(|c| c.is_control() || c.is_whitespace());
    is_plain
        && Url::parse(address).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        })
}

/// Whether an answer is told without it: there is none, or it leads to no page.
pub fn is_no_page(address: &Option<Link>) -> bool {
    !address.as_deref().is_some_and(is_page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::person::Person;

    #[test]
    fn only_what_leads_to_a_page_is_one() {
        for page in [
            "https://forge.example/acme/api/pull/7",
            "http://localhost:3000/acme/api/src/branch/a%20b#L1",
            "HTTPS://forge.example",
            "https://forge.example/w\u{e4}hlen",
        ] {
            assert!(is_page(page), "{page}");
        }
        for other in [
            "javascript:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "https://forge.example/\n",
            "data:text/html,x",
            "file:///etc/passwd",
            "vbscript:x",
            "//forge.example/x",
            "/acme/api",
            "https://",
            "https://kim:secret@forge.example/",
            "",
        ] {
            assert!(!is_page(other), "{other:?}");
        }
        assert!(!is_page(&format!("https://forge.example/{}", "x".repeat(LONGEST))));
    }

    #[test]
    fn an_answer_is_told_without_what_leads_to_no_page() {
        for (address, told) in [("javascript:alert(1)", false), ("https://forge.example/kim", true)] {
            let person = Person {
                web_url: Some(address.into()),
                ..Person::default()
            };
            let json = serde_json::to_value(person).expect("it is written");
            assert_eq!(json.get("web_url").is_some(), told, "{address}");
        }
    }
}
