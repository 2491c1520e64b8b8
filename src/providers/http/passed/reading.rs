//! The reading of a text for secrets, from the left. Pure.
//!
//! Invariant: no byte of the text is gone over twice, and of each secret only the longest beginnings are followed: what a
//! shorter one may come to is known of the longer that ends with it.

use std::collections::VecDeque;

use super::signs;

#[cfg(test)]
thread_local! {
    /// Bytes that searches have gone over in this thread.
    pub(super) static GONE_OVER: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    /// Bytes of secrets that were compared in this thread.
    pub(super) static COMPARED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Secrets, as they are compared.
#[derive(Default)]
pub(super) struct Texts {
    texts: Vec<Text>,
    /// The signs that any of them has.
    signs: Vec<u8>,
    /// The bytes of the longest.
    pub(super) longest: usize,
}

impl Texts {
    pub(super) fn of(texts: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let texts: Vec<Vec<u8>> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        let mut signs = texts.concat();
        signs.sort_unstable();
        signs.dedup();
        Texts {
            longest: texts.iter().map(Vec::len).max().unwrap_or_default(),
            texts: texts.into_iter().map(Text::of).collect(),
            signs,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether this is a byte of any of them.
    pub(super) fn has(&self, byte: u8) -> bool {
        self.signs.binary_search(&byte).is_ok()
    }
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
pub(super) struct Reading<'a> {
    secrets: &'a Texts,
    data: &'a [u8],
    /// The beginnings that end further on.
    live: Vec<Begun>,
    places: Places,
    /// Those that end here, and the ways to read on: kept for their room.
    here: Vec<Begun>,
    ways: Vec<Way>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(secrets: &'a Texts, data: &'a [u8]) -> Self {
        Reading {
            secrets,
            data,
            live: vec![],
            places: Places::default(),
            here: vec![],
            ways: vec![],
        }
    }

    /// Whether no beginning is followed.
    pub(super) fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    /// Whether a whole secret has been found.
    pub(super) fn has_found(&self) -> bool {
        self.places.found.is_some()
    }

    /// Reads on from a place: each sign that may stand there makes the beginnings longer that end there.
    pub(super) fn step(&mut self, place: usize) {
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
    pub(super) fn end(mut self) -> Places {
        for begun in std::mem::take(&mut self.live) {
            if let Some(begins) = begun.places.front() {
                self.open(*begins);
            }
        }
        self.places
    }
}
