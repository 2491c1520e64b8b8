//! Texts that are replaced in a body while it passes.
//!
//! Invariant: however a body is cut into pieces, what comes out is the same; and no more is held back than what may yet be
//! the beginning of a text that is sought.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use memchr::memmem;

/// One text that is sought, and what comes in its place.
pub(super) struct Rule {
    find: memmem::Finder<'static>,
    put: Vec<u8>,
    /// Only where it stands as the whole beginning of a URL: what follows makes no other place of it.
    url: bool,
}

impl Rule {
    /// Of a text wherever it stands.
    pub(super) fn text(find: &str, put: &str) -> Self {
        Rule::new(find, put, false)
    }

    /// Of the beginning of URLs.
    pub(super) fn url(find: &str, put: &str) -> Self {
        Rule::new(find, put, true)
    }

    fn new(find: &str, put: &str, url: bool) -> Self {
        Rule {
            find: memmem::Finder::new(find).into_owned(),
            put: put.as_bytes().to_vec(),
            url,
        }
    }

    fn length(&self) -> usize {
        self.find.needle().len()
    }

    /// Whether what stands before and behind lets it be what is sought.
    fn stands(&self, before: Option<u8>, behind: Option<u8>) -> bool {
        let begins = !before.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:@%+".contains(&byte);
        !self.url || (begins && !behind.is_some_and(goes_on))
    }
}

/// Rules that hold together. Of those that match at one place, the longest counts.
pub(super) type Rules = Arc<[Rule]>;

/// Whether any of what is sought stands in a text, if only as the beginning of something else: most headers hold nothing.
pub(super) fn stand_in(rules: &Rules, text: &[u8]) -> bool {
    let stands = |rule: &Rule| rule.length() <= text.len() && rule.find.find(text).is_some();
    rules.iter().any(stands)
}

/// A body on its way.
pub(in crate::providers::http) struct Replacer {
    rules: Rules,
    held: Bytes,
    /// The byte before what is held.
    before: Option<u8>,
}

/// What a search has found.
enum Found {
    /// A text that is replaced: where, and by which rule.
    Text(usize, usize),
    /// From here on, what follows decides.
    Open(usize),
    Nothing,
}

impl Replacer {
    pub(super) fn new(rules: &Rules) -> Self {
        Replacer {
            rules: rules.clone(),
            held: Bytes::new(),
            before: None,
        }
    }

    /// A whole text.
    pub(super) fn whole(rules: &Rules, text: Bytes) -> Bytes {
        Replacer::new(rules).run(text, true)
    }

    /// The next piece; nothing comes of it where all of it is held back.
    pub(in crate::providers::http) fn push(&mut self, piece: Bytes) -> Bytes {
        self.run(piece, false)
    }

    /// What was held back.
    pub(super) fn finish(&mut self) -> Bytes {
        self.run(Bytes::new(), true)
    }

    fn run(&mut self, piece: Bytes, last: bool) -> Bytes {
        let held = std::mem::take(&mut self.held);
        let data = match held.is_empty() {
            true => piece,
            false => Bytes::from([&held[..], &piece[..]].concat()),
        };
        let (mut out, mut from, mut at) = (BytesMut::new(), 0, 0);
        // Where each rule's text comes next: sought again only when that is behind.
        let mut next: Vec<Option<usize>> = self.rules.iter().map(|rule| rule.find.find(&data)).collect();
        let end = loop {
            for (rule, next) in self.rules.iter().zip(&mut next) {
                if next.is_some_and(|place| place < at) {
                    *next = rule.find.find(&data[at..]).map(|place| at + place);
                }
            }
            match self.find(&data, at, &mut next, last) {
                Found::Text(place, rule) => {
                    let rule = &self.rules[rule];
                    if from == 0 {
                        out.reserve(data.len());
                    }
                    out.extend_from_slice(&data[from..place]);
                    out.extend_from_slice(&rule.put);
                    at = place + rule.length();
                    from = at;
                }
                Found::Open(place) => break place,
                Found::Nothing => break data.len(),
            }
            // One that stands where it counts for nothing is passed over.
        };
        self.held = data.slice(end..);
        if end > 0 {
            self.before = Some(data[end - 1]);
        }
        if from == 0 {
            return data.slice(..end);
        }
        out.extend_from_slice(&data[from..end]);
        out.freeze()
    }

    /// The first place at or behind `at` at which something is decided or must wait.
    fn find(&self, data: &[u8], at: usize, next: &mut [Option<usize>], last: bool) -> Found {
        let open = (!last).then(|| self.open(data, at)).flatten();
        loop {
            let places = next.iter().flatten().copied();
            let Some(place) = places.min().filter(|place| open.is_none_or(|open| *place < open)) else {
                return open.map_or(Found::Nothing, Found::Open);
            };
            let before = match place {
                0 => self.before,
                _ => Some(data[place - 1]),
            };
            let mut longest: Option<usize> = None;
            for at_it in (0..next.len()).filter(|rule| next[*rule] == Some(place)) {
                let rule = &self.rules[at_it];
                let end = place + rule.length();
                if rule.url && end == data.len() && !last {
                    return Found::Open(place);
                }
                let longer = longest.is_none_or(|other| rule.length() > self.rules[other].length());
                if longer && rule.stands(before, data.get(end).copied()) {
                    longest = Some(at_it);
                }
            }
            if let Some(rule) = longest {
                return Found::Text(place, rule);
            }
            for (rule, next) in self.rules.iter().zip(&mut *next) {
                if *next == Some(place) {
                    let from = place + 1;
                    *next = rule.find.find(&data[from..]).map(|found| from + found);
                }
            }
        }
    }

    /// The first place from which the rest may be the beginning of what is sought.
    fn open(&self, data: &[u8], at: usize) -> Option<usize> {
        let longest = self.rules.iter().map(Rule::length).max()?;
        let from = at.max((data.len() + 1).saturating_sub(longest));
        let begins = |rest: &[u8]| {
            let mut rules = self.rules.iter();
            rules.any(|rule| rule.length() > rest.len() && rule.find.needle().starts_with(rest))
        };
        (from..data.len()).find(|place| begins(&data[*place..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OURS: &str = "http://gw:8080/proxy/forge-a";

    fn rules() -> Rules {
        [
            Rule::url("http://h/api", OURS),
            Rule::url(r"http:\/\/h\/api", &OURS.replace('/', r"\/")),
            Rule::url("http://h/api/uploads", &format!("{OURS}/_uploads")),
            Rule::text("tok-secret", "***"),
            Rule::text("ttok-s", "+"),
        ]
        .into()
    }

    fn whole(text: &str) -> String {
        let replaced = Replacer::whole(&rules(), Bytes::from(text.to_owned()));
        String::from_utf8(replaced.to_vec()).expect("text")
    }

    #[test]
    fn urls_of_the_place_are_replaced_and_those_of_others_are_not() {
        for (text, expected) in [
            (r#"{"url":"http://h/api/x"}"#, format!(r#"{{"url":"{OURS}/x"}}"#)),
            (r#"{"url":"http://h/api"}"#, format!(r#"{{"url":"{OURS}"}}"#)),
            ("http://h/api", OURS.to_owned()),
            ("<http://h/api?page=2>; rel=next", format!("<{OURS}?page=2>; rel=next")),
            ("http://h/api{/x}", format!("{OURS}{{/x}}")),
            (
                r#""http:\/\/h\/api\/x""#,
                format!(r#""{}\/x""#, OURS.replace('/', r"\/")),
            ),
            ("http://h/api/uploads/x", format!("{OURS}/_uploads/x")),
            ("http://h/api/uploadsx", format!("{OURS}/uploadsx")),
            ("a tok-secret b", "a *** b".to_owned()),
            ("atok-secretb", "a***b".to_owned()),
        ] {
            assert_eq!(whole(text), expected);
        }
        for other in [
            "http://h/apix",
            "http://h/api.example",
            "http://h/api-2",
            "http://h/api:80",
            "http://h/api@evil",
            "http://h/api%2f",
            "xhttp://h/api/",
            "https://h/api/",
            "http://h/ap",
            "",
        ] {
            assert_eq!(whole(other), other);
        }
    }

    #[test]
    fn a_piece_that_may_be_no_beginning_is_not_held_back() {
        let mut replacer = Replacer::new(&rules());
        assert_eq!(replacer.push(Bytes::from_static(b"data: {}\n\n")), "data: {}\n\n");
        assert_eq!(replacer.push(Bytes::from_static(b"see http://h/a")), "see ");
        assert_eq!(replacer.push(Bytes::from_static(b"x")), "http://h/ax");
        assert!(replacer.finish().is_empty());
    }

    proptest! {
        #[test]
        fn however_it_is_cut_it_is_the_same(
            parts in prop::collection::vec(
                prop::sample::select(&[
                    "http://h/api", "/uploads", r"http:\/\/h\/api", "tok-secret", "ttok-s", "http://", "h/api", "t", "\"", "/x", ".", "http",
                ][..]),
                0..20,
            ),
            cuts in prop::collection::vec(0usize..200, 0..12),
        ) {
            let text = parts.concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut replacer = Replacer::new(&rules());
            let mut out = Vec::new();
            for pair in cuts.windows(2) {
                out.extend_from_slice(&replacer.push(Bytes::from(text[pair[0]..pair[1]].to_owned())));
                prop_assert!(replacer.held.len() <= "http://h/api/uploads".len());
            }
            out.extend_from_slice(&replacer.finish());
            prop_assert_eq!(String::from_utf8(out).unwrap(), whole(&text));
        }
    }
}
