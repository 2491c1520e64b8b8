//! Texts that are replaced in a body while it passes.
//!
//! Invariant: however a body is cut into pieces, what comes out is the same; no more is held back than what may yet be the
//! beginning of a text that is sought; and however much is found, no part is gone over for each of it.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use bytes::{Bytes, BytesMut};
use memchr::memmem;

#[cfg(test)]
use super::reading::GONE_OVER;
use super::reading::Places;
use super::spelled::Secrets;

/// One text that is sought.
struct Text {
    find: Vec<u8>,
    /// What comes in its place, where it is the whole beginning of a URL: what follows makes no other place of it. A secret
    /// is hidden wherever it stands, and with as many signs.
    put: Option<Vec<u8>>,
}

impl Text {
    /// Whether what stands before and behind lets it be what is sought.
    fn stands(&self, before: Option<u8>, behind: Option<u8>) -> bool {
        let begins = !before.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:@%+".contains(&byte);
        self.put.is_none() || (begins && !behind.is_some_and(goes_on))
    }
}

/// Texts that are sought together. Of those that match at one place, the longest counts.
#[derive(Default)]
pub(super) struct Sought {
    texts: Vec<Text>,
    /// Finds them as they are, all at once; none where they are too many for that, and are sought one by one.
    all: Option<AhoCorasick>,
    /// The secrets among them, however else they are written.
    secrets: Secrets,
    longest: usize,
}

/// What is sought, shared.
pub(super) type Rules = Arc<Sought>;

impl Sought {
    /// Beginnings of URLs, each with what comes in its place, and secrets.
    pub(super) fn of(urls: impl IntoIterator<Item = (String, String)>, secrets: &[String]) -> Self {
        let urls = urls.into_iter().map(|(find, put)| Text {
            find: find.into_bytes(),
            put: Some(put.into_bytes()),
        });
        let hidden = secrets.iter().map(|secret| Text {
            find: secret.clone().into_bytes(),
            put: None,
        });
        let texts: Vec<Text> = urls.chain(hidden).collect();
        Sought {
            all: AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostFirst)
                .build(texts.iter().map(|text| &text.find))
                .ok(),
            longest: texts.iter().map(|text| text.find.len()).max().unwrap_or_default(),
            secrets: Secrets::of(secrets.iter().map(|secret| secret.clone().into_bytes())),
            texts,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether any of what is sought stands in a text, if only as the beginning of something else: most headers hold nothing.
    pub(super) fn stands_in(&self, text: &[u8]) -> bool {
        self.next(text, 0).is_some() || self.secrets.search(text, 0).found.is_some()
    }

    /// The first place at or behind `from` at which any of them stands as it is.
    fn next(&self, data: &[u8], from: usize) -> Option<usize> {
        let found = match &self.all {
            Some(all) => all.find(Input::new(data).range(from..)).map(|found| found.start()),
            None => {
                let places = self.texts.iter().map(|text| memmem::find(&data[from..], &text.find));
                places.flatten().min().map(|place| from + place)
            }
        };
        #[cfg(test)]
        GONE_OVER.set(GONE_OVER.get() + found.unwrap_or(data.len()) - from);
        found
    }

    /// The first place at or behind `at` from which the rest may be the beginning of what is sought, as it is.
    fn begun(&self, data: &[u8], at: usize) -> Option<usize> {
        let from = at.max((data.len() + 1).saturating_sub(self.longest));
        let begins = |rest: &[u8]| {
            let mut texts = self.texts.iter();
            texts.any(|text| text.find.len() > rest.len() && text.find.starts_with(rest))
        };
        (from..data.len()).find(|place| begins(&data[*place..]))
    }
}

/// A body on its way.
pub(in crate::providers::http) struct Replacer {
    rules: Rules,
    held: Bytes,
    /// The byte before what is held.
    before: Option<u8>,
}

/// What a search has found.
enum Found<'a> {
    /// A text that is replaced: where it begins and ends, and by what. A secret is hidden.
    Text(usize, usize, Option<&'a [u8]>),
    /// From here on, what follows decides.
    Open(usize),
    Nothing,
}

/// Where next something stands as it is, is written otherwise, or may begin: looked for again only when that is behind.
struct Ahead {
    plain: Option<usize>,
    spelled: Places,
    begun: Option<usize>,
}

impl Ahead {
    fn of(sought: &Sought, data: &[u8], at: usize) -> Self {
        Ahead {
            plain: sought.next(data, at),
            spelled: sought.secrets.search(data, at),
            begun: sought.begun(data, at),
        }
    }

    fn keep_up(&mut self, sought: &Sought, data: &[u8], at: usize) {
        if self.plain.is_some_and(|place| place < at) {
            self.plain = sought.next(data, at);
        }
        let found = self.spelled.found.map(|(begins, _)| begins);
        if [found, self.spelled.open].into_iter().flatten().any(|place| place < at) {
            self.spelled = sought.secrets.search(data, at);
        }
        if self.begun.is_some_and(|place| place < at) {
            self.begun = sought.begun(data, at);
        }
    }

    fn open(&self) -> Option<usize> {
        [self.spelled.open, self.begun].into_iter().flatten().min()
    }
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
        let rules = self.rules.clone();
        let mut ahead = Ahead::of(&rules, &data, 0);
        let (mut out, mut from, mut at) = (BytesMut::new(), 0, 0);
        let end = loop {
            ahead.keep_up(&rules, &data, at);
            match self.find(&rules, &data, &mut ahead, last) {
                Found::Text(place, end, put) => {
                    if from == 0 {
                        out.reserve(data.len());
                    }
                    out.extend_from_slice(&data[from..place]);
                    match put {
                        Some(put) => out.extend_from_slice(put),
                        None => out.resize(out.len() + end - place, b'*'),
                    }
                    at = end;
                    from = end;
                }
                Found::Open(place) => break place,
                Found::Nothing => break data.len(),
            }
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

    /// The first place ahead at which something is decided or must wait.
    fn find<'a>(&self, rules: &'a Sought, data: &[u8], ahead: &mut Ahead, last: bool) -> Found<'a> {
        let open = ahead.open().filter(|_| !last);
        let spelled = ahead.spelled.found.map(|(begins, end)| Found::Text(begins, end, None));
        let begins = |found: &Found<'_>| match found {
            Found::Text(place, ..) | Found::Open(place) => *place,
            Found::Nothing => usize::MAX,
        };
        let mut first = spelled.unwrap_or(Found::Nothing);
        let bound = open.unwrap_or(data.len());
        while let Some(place) = ahead.plain {
            if place >= bound || place > begins(&first) {
                break;
            }
            match self.standing(rules, data, place, last) {
                // One that stands where it counts for nothing is passed over.
                Found::Nothing => ahead.plain = rules.next(data, place + 1),
                Found::Text(_, end, _) if matches!(first, Found::Text(other, longer, _) if other == place && longer >= end) =>
                {
                    break;
                }
                found => {
                    first = found;
                    break;
                }
            }
        }
        match open.filter(|open| *open <= begins(&first)) {
            Some(open) => Found::Open(open),
            None => first,
        }
    }

    /// The longest text that stands at a place and counts there.
    fn standing<'a>(&self, rules: &'a Sought, data: &[u8], place: usize, last: bool) -> Found<'a> {
        let before = match place {
            0 => self.before,
            _ => Some(data[place - 1]),
        };
        let mut longest: Option<&Text> = None;
        for text in rules.texts.iter().filter(|text| data[place..].starts_with(&text.find)) {
            let end = place + text.find.len();
            if text.put.is_some() && end == data.len() && !last {
                return Found::Open(place);
            }
            let longer = longest.is_none_or(|other| text.find.len() > other.find.len());
            if longer && text.stands(before, data.get(end).copied()) {
                longest = Some(text);
            }
        }
        longest.map_or(Found::Nothing, |text| {
            Found::Text(place, place + text.find.len(), text.put.as_deref())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::signs::LONGEST_SIGN;
    use super::*;
    use proptest::prelude::*;

    const OURS: &str = "http://gw:8080/proxy/forge-a";

    fn rules() -> Rules {
        let urls = [
            ("http://h/api", OURS.to_owned()),
            (r"http:\/\/h\/api", OURS.replace('/', r"\/")),
            ("http://h/api/uploads", format!("{OURS}/_uploads")),
        ];
        let urls = urls.map(|(find, put)| (find.to_owned(), put));
        Arc::new(Sought::of(urls, &["tok-secret".to_owned(), "ttok-s".to_owned()]))
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
            ("a tok-secret b", "a ********** b".to_owned()),
            ("atok-secretb", "a**********b".to_owned()),
            (r"a \u0074ok%2dsecret b", format!("a {} b", "*".repeat(17))),
            (
                r#"{"\u0074\u006f\u006b-secret":1}"#,
                format!(r#"{{"{}":1}}"#, "*".repeat(25)),
            ),
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

    #[test]
    fn a_body_is_gone_over_once_however_much_is_found_in_it() {
        let spelled = r#"{"said":"\u0074ok-secret, tok%2Dsecret"},"#;
        let mixed = r#"{"a":"tok-secret","b":"http://h/apix http://h/api/x \u0074ok-secret"},"#;
        let plain = r#"{"a":"tok-secret http://h/api/x"},"#;
        for text in [
            spelled.repeat(2000),
            mixed.repeat(2000),
            plain.repeat(2000),
            spelled.repeat(1000) + &plain.repeat(1000),
            plain.repeat(1000) + &spelled.repeat(1000),
            "\\ttok-%".repeat(2000),
        ] {
            GONE_OVER.set(0);
            let hidden = whole(&text);
            assert!(!hidden.contains("tok-secret") && !hidden.contains("tok%2D"));
            // Plain texts are sought in it, and what is written otherwise; what was found is gone over once more.
            assert!(
                GONE_OVER.get() <= 4 * text.len(),
                "{} in {}",
                GONE_OVER.get(),
                text.len()
            );
        }
    }

    /// The same, found by looking at each place for itself.
    fn by_each_place(text: &[u8]) -> Vec<u8> {
        let rules = rules();
        let replacer = Replacer::new(&rules);
        let (mut out, mut at) = (vec![], 0);
        while at < text.len() {
            let plain = match replacer.standing(&rules, text, at, true) {
                Found::Text(_, end, put) => Some((end, put)),
                Found::Open(_) | Found::Nothing => None,
            };
            let spelled = rules.secrets.search(text, at).found;
            let spelled = spelled.filter(|(begins, _)| *begins == at).map(|(_, end)| (end, None));
            let longer = spelled.filter(|(end, _)| plain.is_none_or(|(other, _)| *end >= other));
            match longer.or(plain) {
                Some((end, Some(put))) => {
                    out.extend_from_slice(put);
                    at = end;
                }
                Some((end, None)) => {
                    out.resize(out.len() + end - at, b'*');
                    at = end;
                }
                None => {
                    out.push(text[at]);
                    at += 1;
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_is_looked_for_ahead_is_what_each_place_holds(
            parts in prop::collection::vec(
                prop::sample::select(&[
                    "http://h/api", "/uploads", r"http:\/\/h\/api", "tok-secret", "ttok-s", r"\u0074ok-", "%73ecret", r"\u0073", "tok", "t", "\"", "/x", ".", "x", "\\", "%", "&",
                ][..]),
                0..30,
            ),
        ) {
            let text = parts.concat();
            prop_assert_eq!(whole(&text), String::from_utf8(by_each_place(text.as_bytes())).unwrap());
        }

        #[test]
        fn however_it_is_cut_it_is_the_same(
            parts in prop::collection::vec(
                prop::sample::select(&[
                    "http://h/api", "/uploads", r"http:\/\/h\/api", "tok-secret", "ttok-s", r"\u0074ok-", "%73ecret", r"\u0073", "tok", "http://", "h/api", "t", "\"", "/x", ".", "http",
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
                prop_assert!(replacer.held.len() <= "tok-secret".len() * LONGEST_SIGN);
            }
            out.extend_from_slice(&replacer.finish());
            prop_assert_eq!(String::from_utf8(out).unwrap(), whole(&text));
        }
    }
}
