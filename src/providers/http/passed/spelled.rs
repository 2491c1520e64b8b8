//! A secret in whatever way a server may write it: each of its signs for itself, or as JSON, a URL or a page has it. Pure.
//!
//! Invariant: every mix of what [`signs`](super::signs) reads is one secret; and what may yet become one, or a longer one, is
//! told apart from what cannot.

use std::collections::VecDeque;

use super::signs::{self, DEEPEST, INTRODUCERS};

#[cfg(test)]
thread_local! {
    /// Bytes that searches have gone over in this thread.
    pub(super) static GONE_OVER: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    /// Bytes of secrets that were compared in this thread.
    static COMPARED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Secrets that are sought.
#[derive(Default)]
pub(super) struct Secrets {
    texts: Vec<Text>,
    /// The signs that any of them has.
    signs: Vec<u8>,
    longest: usize,
}

/// One secret.
struct Text {
    bytes: Vec<u8>,
    /// Of each beginning, by its length, the longest shorter one that it ends with (Knuth, Morris and Pratt): what is left
    /// of it when the next byte is another one.
    left: Vec<usize>,
}

impl Text {
    fn of(bytes: Vec<u8>) -> Self {
        let mut left = vec![0; bytes.len() + 1];
        let mut length = 0;
        for at in 1..bytes.len() {
            while length > 0 && bytes[at] != bytes[length] {
                length = left[length];
            }
            if bytes[at] == bytes[length] {
                length += 1;
            }
            left[at + 1] = length;
        }
        Text { bytes, left }
    }

    /// Makes of a beginning what it is with one sign more, which is written at `place`.
    fn lengthen(&self, begun: &mut VecDeque<usize>, meant: &[u8], place: usize) {
        for byte in meant {
            let mut length = begun.len();
            #[cfg(test)]
            COMPARED.set(COMPARED.get() + 1);
            while length > 0 && self.bytes.get(length) != Some(byte) {
                length = self.left[length];
                #[cfg(test)]
                COMPARED.set(COMPARED.get() + 1);
            }
            begun.drain(..begun.len() - length);
            if self.bytes.get(length) == Some(byte) {
                begun.push_back(place);
            }
        }
    }
}

/// Where something is written otherwise than it stands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The first whole secret: where it begins and ends.
    pub(super) found: Option<(usize, usize)>,
    /// The first place from which the rest may be the beginning of one.
    pub(super) open: Option<usize>,
}

impl Secrets {
    pub(super) fn of(texts: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let texts: Vec<Vec<u8>> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        let mut signs = texts.concat();
        signs.sort_unstable();
        signs.dedup();
        Secrets {
            longest: texts.iter().map(Vec::len).max().unwrap_or_default(),
            texts: texts.into_iter().map(Text::of).collect(),
            signs,
        }
    }

    /// The first place at or behind `at` at which a secret is written with at least one sign otherwise than it stands, or
    /// holds one that may be read in two ways; near such a sign, one that stands as it is counts too.
    pub(super) fn search(&self, data: &[u8], at: usize) -> Places {
        let mut reading = Reading::of(self, data);
        let (mut place, mut awake) = (at, at);
        loop {
            if reading.live.is_empty() && place >= awake {
                let next = match reading.places.found {
                    Some(_) => None,
                    None => self.introduced(data, place),
                };
                let Some(next) = next else { break };
                // Signs before it may stand as they are, and the first backslash of many may stand before it.
                place = place.max(next.saturating_sub(self.longest + DEEPEST));
                awake = next + 1;
            }
            if place == data.len() {
                break;
            }
            reading.step(place);
            place += 1;
        }
        reading.end()
    }

    /// The next place at or behind `from` at which a sign of a secret is written otherwise, or may be.
    fn introduced(&self, data: &[u8], mut from: usize) -> Option<usize> {
        let [one, other, third] = INTRODUCERS;
        if self.texts.is_empty() {
            return None;
        }
        loop {
            let next = memchr::memchr3(one, other, third, &data[from..]);
            #[cfg(test)]
            GONE_OVER.set(GONE_OVER.get() + next.unwrap_or(data.len() - from));
            let place = from + next?;
            // One of the secret's own may be written as itself and more.
            let mut counts = self.has(data[place]);
            let open = signs::read(data, place, |meant, _| counts |= self.has(meant[0]));
            if counts || open {
                return Some(place);
            }
            // What stands behind several backslashes was read from the first of them.
            from = place + signs::backslashes(data, place).max(1);
        }
    }

    fn has(&self, byte: u8) -> bool {
        self.signs.binary_search(&byte).is_ok()
    }
}

/// A beginning of a secret that ends before a place.
#[derive(Clone)]
struct Begun {
    /// Which secret.
    text: usize,
    /// The place before which it ends.
    at: usize,
    /// Of each of its bytes, the first place from which it and those behind it may be read.
    places: VecDeque<usize>,
}

impl Begun {
    /// Takes in another that ends at the same place, where this one ends with all of it: both then go on alike.
    fn absorb(&mut self, other: &Begun, text: &[u8]) -> bool {
        let (length, shorter) = (self.places.len(), other.places.len());
        let same = (self.text, self.at) == (other.text, other.at);
        if !same || length < shorter || text[length - shorter..length] != text[..shorter] {
            return false;
        }
        for (place, others) in self.places.range_mut(length - shorter..).zip(&other.places) {
            *place = (*place).min(*others);
        }
        true
    }
}

/// One sign that may be read at a place.
#[derive(Clone, Copy)]
struct Way {
    meant: [u8; 4],
    length: usize,
    /// Where it ends.
    end: usize,
}

impl Way {
    fn of(meant: &[u8], end: usize) -> Self {
        let mut bytes = [0; 4];
        bytes[..meant.len()].copy_from_slice(meant);
        Way {
            meant: bytes,
            length: meant.len(),
            end,
        }
    }

    fn meant(&self) -> &[u8] {
        &self.meant[..self.length]
    }
}

/// The reading of a text from the left. Of each secret, only its longest beginnings are followed: what a shorter one may come
/// to is known of the longer that ends with it, so that near misses cost no more than other bytes. There is more than one
/// only where a sign may be read in several ways.
struct Reading<'a> {
    secrets: &'a Secrets,
    data: &'a [u8],
    /// The beginnings that end further on.
    live: Vec<Begun>,
    places: Places,
    /// Those that end here, and the ways to read on: kept for their room.
    here: Vec<Begun>,
    ways: Vec<Way>,
}

impl<'a> Reading<'a> {
    fn of(secrets: &'a Secrets, data: &'a [u8]) -> Self {
        Reading {
            secrets,
            data,
            live: vec![],
            places: Places::default(),
            here: vec![],
            ways: vec![],
        }
    }

    /// Reads on from a place: each sign that may stand there makes the beginnings longer that end there.
    fn step(&mut self, place: usize) {
        #[cfg(test)]
        GONE_OVER.set(GONE_OVER.get() + 1);
        let (secrets, data) = (self.secrets, self.data);
        let mut ways = std::mem::take(&mut self.ways);
        if secrets.has(data[place]) {
            ways.push(Way::of(&data[place..=place], place + 1));
        }
        let open = signs::read(data, place, |meant, end| {
            if secrets.has(meant[0]) {
                ways.push(Way::of(meant, end));
            }
        });
        let mut here = std::mem::take(&mut self.here);
        here.extend(self.live.extract_if(.., |begun| begun.at == place));
        if self.places.found.is_none() {
            let begins = |text: &Text| open || ways.iter().any(|way| way.meant[0] == text.bytes[0]);
            for (text, _) in secrets.texts.iter().enumerate().filter(|(_, text)| begins(text)) {
                if !here.iter().any(|begun| begun.text == text) {
                    here.push(Begun {
                        text,
                        at: place,
                        places: VecDeque::new(),
                    });
                }
            }
        }
        for begun in here.drain(..) {
            if open {
                self.open(begun.places.front().copied().unwrap_or(place));
            }
            if let Some((last, others)) = ways.split_last() {
                for way in others {
                    self.follow(begun.clone(), *way, place);
                }
                self.follow(begun, *last, place);
            }
        }
        ways.clear();
        self.here = here;
        self.ways = ways;
    }

    /// Reads this at a place, behind this beginning.
    fn follow(&mut self, mut begun: Begun, way: Way, place: usize) {
        let secrets = self.secrets;
        let text = &secrets.texts[begun.text];
        text.lengthen(&mut begun.places, way.meant(), place);
        begun.at = way.end;
        let Some(begins) = begun.places.front().copied() else {
            return;
        };
        if begun.places.len() == text.bytes.len() {
            self.found(begins, way.end);
            return;
        }
        // What begins behind what is found does not count.
        if self.places.found.is_some_and(|(first, _)| begins > first) {
            return;
        }
        if self.live.iter_mut().any(|other| other.absorb(&begun, &text.bytes)) {
            return;
        }
        self.live.retain(|other| !begun.absorb(other, &text.bytes));
        self.live.push(begun);
    }

    fn found(&mut self, begins: usize, end: usize) {
        let better = self
            .places
            .found
            .is_none_or(|(other, longest)| begins < other || begins == other && end > longest);
        if better {
            self.places.found = Some((begins, end));
            self.live
                .retain(|begun| begun.places.front().is_some_and(|place| *place <= begins));
        }
    }

    fn open(&mut self, begins: usize) {
        self.places.open = Some(self.places.open.map_or(begins, |open| open.min(begins)));
    }

    /// What was found, and what is begun where the text ends.
    fn end(mut self) -> Places {
        for begun in std::mem::take(&mut self.live) {
            if let Some(begins) = begun.places.front() {
                self.open(*begins);
            }
        }
        self.places
    }
}

#[cfg(test)]
mod tests {
    use super::super::signs::LONGEST_SIGN;
    use super::*;

    const SECRET: &str = r#"gh/p_a"b\c%d&e+f"#;

    fn secrets() -> Secrets {
        Secrets::of([SECRET.as_bytes().to_vec()])
    }

    /// Each sign in the way of this number.
    fn written(way: impl Fn(usize) -> usize) -> String {
        let one = |(at, sign): (usize, char)| match way(at) % 9 {
            0 => format!("\\u{:04x}", u32::from(sign)),
            1 => format!("\\\\u{:04X}", u32::from(sign)),
            2 => format!("%{:02X}", u32::from(sign)),
            3 => format!("%25{:02x}", u32::from(sign)),
            4 => format!("&#{};", u32::from(sign)),
            5 => format!("&#x{:X};", u32::from(sign)),
            6 if sign.is_ascii_punctuation() => format!("\\{sign}"),
            7 => format!("\\x{:02x}", u32::from(sign)),
            _ if sign == '&' => "&amp;".to_owned(),
            _ => sign.to_string(),
        };
        SECRET.chars().enumerate().map(one).collect()
    }

    #[test]
    fn in_whichever_mix_of_ways_it_is_written_it_is_found_whole() {
        let secrets = secrets();
        for first in 0..9 {
            for step in 0..9 {
                let spelled = written(|at| first + at * step);
                if spelled == SECRET {
                    continue;
                }
                let data = format!("{{\"a\\n\": \"{spelled}\"}}");
                let begins = data.find(&spelled).expect("it is there");
                let found = secrets.search(data.as_bytes(), 0).found;
                assert_eq!(found, Some((begins, begins + spelled.len())), "{data}");
            }
        }
    }

    #[test]
    fn what_is_cut_may_yet_be_one() {
        let secrets = secrets();
        for way in 0..8 {
            let spelled = written(|_| way);
            for cut in 1..spelled.len() {
                let data = format!("x\": \"{}", &spelled[..cut]);
                let Places { found, open } = secrets.search(data.as_bytes(), 0);
                let plain = SECRET.starts_with(&spelled[..cut]) && !spelled[..cut].contains(['\\', '%', '&']);
                assert!(found.is_none() && (plain || open == Some(5)), "{data}: {open:?}");
            }
        }
        assert!(SECRET.len() * LONGEST_SIGN < 1 << 10);
    }

    #[test]
    fn what_is_none_is_passed_over() {
        for other in [
            r#"{"a": "line\nline \"gh\/p_a\" \u4e2d 100% &amp; &c"}"#,
            r"\u0067\u0068\u002f\u0070 ",
            "%67%68%2f%70%5f%61%22%62%5c%63%25%64%26%66",
            "&#103;&#104;&#47;x",
        ] {
            assert_eq!(secrets().search(other.as_bytes(), 0), Places::default(), "{other}");
        }
        assert_eq!(Secrets::default().search(br"\u0067", 0), Places::default());
    }

    #[test]
    fn a_sign_of_any_language_is_one_however_it_is_written() {
        let secrets = Secrets::of(["Grüße-\u{1f600}-2024".as_bytes().to_vec()]);
        for spelled in [
            r"Gr\u00fc\u00DFe-\ud83d\ude00-2024",
            r"Gr\\u00fc\\u00dfe-\\uD83D\\uDE00-2024",
            "Gr%C3%BC%c3%9fe-%F0%9F%98%80-2024",
            "Gr&#252;&#xDF;e-&#128512;-2024",
            "Gr%C3%BC\u{df}e-&#x1F600;-2024",
        ] {
            let data = format!("\"{spelled}\"");
            let found = secrets.search(data.as_bytes(), 0).found;
            assert_eq!(found, Some((1, 1 + spelled.len())), "{data}");
            for cut in (2..spelled.len()).filter(|cut| data.is_char_boundary(*cut)) {
                let Places { found, open } = secrets.search(&data.as_bytes()[..cut], 0);
                let plain = !data[..cut].contains(['\\', '%', '&']);
                assert!(found.is_none() && (plain || open == Some(1)), "{}", &data[..cut]);
            }
        }
        // Half of a pair is no sign.
        assert_eq!(secrets.search(br"Gr\u00fc\u00dfe-\ud83d-2024", 0), Places::default());
    }

    #[test]
    fn what_introduces_a_sign_may_be_written_anew() {
        let secrets = Secrets::of([br#"a&b<c"d/e-2024"#.to_vec()]);
        for spelled in [
            "a&amp;amp;b&amp;lt;c&amp;quot;d/e-2024",
            r"\u0061\u0026amp;b\u0026lt;c\u0026#34;d\/e-2024",
            "%5Cu0061&b<c%5c%22d%252Fe-2024",
            r#"a&amp;b&lt;c\&quot;d\/e-2024"#,
            "&#37;61&b<c\"d/e-2024",
        ] {
            let data = format!("({spelled})");
            let found = secrets.search(data.as_bytes(), 0).found;
            assert_eq!(found, Some((1, 1 + spelled.len())), "{data}");
        }
        // What follows it, too: that is not looked for.
        assert_eq!(secrets.search(b"a%26amp%3Bb", 0).found, None);
    }

    #[test]
    fn what_may_yet_be_longer_waits() {
        // Both are whole: which of them it is, what follows says.
        let secrets = Secrets::of([br"secret-1%".to_vec()]);
        for data in ["(secret-1%", "(secret-1%25"] {
            let Places { found, open } = secrets.search(data.as_bytes(), 0);
            assert_eq!((found, open), (Some((1, data.len())), Some(1)), "{data}");
        }
    }

    #[test]
    fn near_misses_cost_no_more_than_other_bytes() {
        let alike = "x".repeat(36);
        let by_two = "ab".repeat(20);
        let by_itself = r"\".repeat(8);
        let token = "eyJhbGciOiJIUzI1NiJ9.".repeat(50);
        for secret in [&*alike, &*by_two, "ghp_0123456789abcdefghijklmnopqrstuvwxyz", &*token] {
            let secrets = Secrets::of([secret.as_bytes().to_vec()]);
            let near = &secret[..secret.len() - 1];
            let written = |one: &dyn Fn(u32) -> String| near.chars().map(|sign| one(sign.into())).collect::<String>();
            for near in [
                written(&|sign: u32| format!("%{sign:02x}")),
                written(&|sign: u32| format!("%25{sign:02x}")),
                written(&|sign: u32| format!("\\u{sign:04x}")),
                written(&|sign: u32| format!("{by_itself}u{sign:04x}")),
                written(&|sign: u32| format!("&#{sign};")),
                format!("{near}%7e"),
                format!("%{:02x}{}", near.as_bytes()[0], &near[1..]),
            ] {
                let data = format!("{near}!").repeat(1 + 20_000 / near.len());
                COMPARED.set(0);
                GONE_OVER.set(0);
                assert_eq!(secrets.search(data.as_bytes(), 0).found, None, "{near}");
                assert!(GONE_OVER.get() <= 2 * data.len(), "{} of {near}", GONE_OVER.get());
                assert!(COMPARED.get() <= 2 * data.len(), "{} of {near}", COMPARED.get());
            }
        }
    }

    #[test]
    fn the_first_of_those_that_overlap_is_found() {
        let secrets = Secrets::of([b"ababcabab-1".to_vec(), b"cabab-1-and-more".to_vec()]);
        for (data, found) in [
            ("abab%61babcabab-1", Some((4, 17))),
            (r"abababcabab-1", Some((2, 18))),
            ("ababc%61bab-1-and-more", Some((0, 13))),
            ("babc%61bab-1-and-more", Some((3, 21))),
            ("abab%61bab", None),
        ] {
            assert_eq!(secrets.search(data.as_bytes(), 0).found, found, "{data}");
        }
    }
}
