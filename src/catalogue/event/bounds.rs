//! What of a provider's words is told on: bounded, of one line, and as a page only what a browser may be led to.
//!
//! Invariant: no text of an event steers what shows it, and none is longer than its bound. An id is never cut: what is left
//! of it would be another's.

use super::Told;
use crate::catalogue::page_url::is_page;
use crate::catalogue::person::Person;

/// The most bytes of an event's name in the provider's words.
const WORD: usize = 128;
/// The most bytes of what names a resource or a reference.
const ID: usize = 1024;
/// The most bytes of what names somebody.
const NAME: usize = 256;
/// The most bytes of a moment: RFC 3339 has far fewer.
const MOMENT: usize = 64;
/// What stands where a word had to be cut.
const CUT: char = '…';

impl Told {
    /// The same, of which everything may be told.
    #[must_use]
    pub fn bounded(self) -> Self {
        Told {
            kind: self.kind,
            raw_type: line(&self.raw_type, WORD).unwrap_or_else(|| "unknown".to_owned()),
            native: self.native.filter(|id| is_id(id, ID)),
            reference: self.reference.filter(|name| is_id(name, ID)),
            actor: self.actor.map(person).filter(|actor| *actor != Person::default()),
            web_url: self.web_url.filter(|url| is_page(url)),
            occurred_at: self.occurred_at.filter(|moment| is_id(moment, MOMENT)),
        }
    }
}

fn person(person: Person) -> Person {
    let id = |text: Option<String>| text.filter(|text| is_id(text, NAME));
    Person {
        id: id(person.id),
        login: id(person.login),
        name: person.name.and_then(|name| line(&name, NAME)),
        email: id(person.email),
        web_url: person.web_url.filter(|url| is_page(url)),
    }
}

/// Whether a text may be an id: of one line, and not longer than any.
fn is_id(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && !text.chars().any(steers)
}

/// A text in one line, cut where it is too long; none where nothing is left.
pub(crate) fn line(text: &str, most: usize) -> Option<String> {
    let mut line = String::new();
    for c in text.chars().filter(|c| !steers(*c)) {
        if line.len() + c.len_utf8() + CUT.len_utf8() > most {
            line.push(CUT);
            break;
        }
        line.push(c);
    }
    (!line.trim().is_empty()).then_some(line)
}

/// Whether a character ends a line, steers a terminal, or turns the direction of writing.
fn steers(c: char) -> bool {
    c.is_control() || turns(c) || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character turns the direction of writing, and shows a text otherwise than it is.
pub fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_id_or_no_page_is_absent_and_a_long_word_is_cut() {
        let told = |native: &str, url: &str| Told {
            raw_type: "x".repeat(8_000),
            native: Some(native.to_owned()),
            reference: Some("main".to_owned()),
            web_url: Some(url.into()),
            actor: Some(Person {
                name: Some("Kim\r\nX-Other: \u{202e}1".to_owned()),
                web_url: Some("javascript:alert(1)".into()),
                ..Person::of_login("kim\n").expect("a login")
            }),
            ..Told::default()
        };
        let sound = told("acme/api#7", "https://forge.example/acme/api/pull/7").bounded();
        assert_eq!((sound.raw_type.len(), sound.raw_type.ends_with(CUT)), (WORD, true));
        assert_eq!(sound.native.as_deref(), Some("acme/api#7"));
        assert_eq!(sound.web_url.as_deref(), Some("https://forge.example/acme/api/pull/7"));
        let actor = sound.actor.expect("a name is left");
        assert_eq!((actor.login, actor.web_url), (None, None));
        assert_eq!(actor.name.as_deref(), Some("KimX-Other: 1"));
        for native in ["acme/api\nid: 7", "acme\u{2028}", "", &"x".repeat(ID + 1)] {
            let odd = told(native, "file:///etc/passwd").bounded();
            assert_eq!((odd.native, odd.web_url), (None, None), "{native:?}");
            assert_eq!(odd.reference.as_deref(), Some("main"));
        }
        let nothing = Told {
            raw_type: "\n".to_owned(),
            ..Told::default()
        };
        assert_eq!(nothing.bounded().raw_type, "unknown");
    }

    proptest! {
        #[test]
        fn whatever_comes_has_its_bound(word in ".{0,300}", most in 8_usize..200) {
            let told = line(&word, most).unwrap_or_default();
            prop_assert!(told.len() <= most && !told.chars().any(steers));
        }
    }
}
