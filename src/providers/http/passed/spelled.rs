//! A secret in whatever way a server may write it: each of its signs for itself, or as JSON, a URL or a page has it. Pure.
//!
//! Invariant: every mix of what [`signs`](super::signs) reads is one secret; and what may yet become one, or a longer one, is
//! told apart from what cannot.

use super::signs::{self, INTRODUCERS};

#[cfg(test)]
thread_local! {
    /// Bytes that searches have gone over in this thread.
    pub(super) static GONE_OVER: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Secrets that are sought.
#[derive(Default)]
pub(super) struct Secrets {
    texts: Vec<Vec<u8>>,
    /// The signs that any of them has.
    signs: Vec<u8>,
}

/// Where something is written otherwise than it stands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The first whole secret: where it begins and ends.
    pub(super) found: Option<(usize, usize)>,
    /// The first place from which the rest may be the beginning of one.
    pub(super) open: Option<usize>,
}

/// What a secret is at a place.
struct Match {
    /// Where it ends, if all of it is there.
    whole: Option<usize>,
    /// What follows may make one of it, or a longer one.
    open: bool,
}

impl Secrets {
    pub(super) fn of(texts: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let texts: Vec<Vec<u8>> = texts.into_iter().collect();
        let mut signs = texts.concat();
        signs.sort_unstable();
        signs.dedup();
        Secrets { texts, signs }
    }

    /// The first place at or behind `at` at which a secret is written with at least one sign otherwise than it stands, or
    /// holds one that may be read in two ways.
    pub(super) fn search(&self, data: &[u8], at: usize) -> Places {
        let mut places = Places::default();
        let (mut from, [one, other, third]) = (at, INTRODUCERS);
        if self.texts.is_empty() {
            return places;
        }
        loop {
            let next = memchr::memchr3(one, other, third, &data[from..]);
            #[cfg(test)]
            GONE_OVER.set(GONE_OVER.get() + next.unwrap_or(data.len() - from));
            let Some(next) = next else { break };
            let place = from + next;
            // No secret that begins behind what is found counts before it.
            if places.found.is_some_and(|(begins, _)| place >= begins + self.longest()) {
                break;
            }
            let open = signs::read(data, place, |meant, _| {
                if self.has(meant[0]) {
                    self.around(data, at, place, Some(meant), &mut places);
                }
            });
            if open {
                self.around(data, at, place, None, &mut places);
            }
            // One of the secret's own may be written as itself and more.
            if self.has(data[place]) {
                self.around(data, at, place, Some(&data[place..=place]), &mut places);
            }
            // What stands behind several backslashes was read from the first of them.
            from = place + signs::backslashes(data, place).max(1);
        }
        places
    }

    fn has(&self, byte: u8) -> bool {
        self.signs.binary_search(&byte).is_ok()
    }

    fn longest(&self) -> usize {
        self.texts.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// Looks for secrets whose first sign that is written otherwise is the one at `place`.
    fn around(&self, data: &[u8], at: usize, place: usize, written: Option<&[u8]>, places: &mut Places) {
        for text in &self.texts {
            let before = text.len().min(place - at + 1);
            for index in (0..before).rev() {
                let fits = written.is_none_or(|meant| text[index..].starts_with(meant));
                let begins = place - index;
                if !fits || data[begins..place] != text[..index] {
                    continue;
                }
                let Match { whole, open } = matched(data, begins, text);
                if let Some(end) = whole {
                    let better = places
                        .found
                        .is_none_or(|(other, longest)| begins < other || begins == other && end > longest);
                    if better {
                        places.found = Some((begins, end));
                    }
                }
                if open {
                    places.open = Some(places.open.map_or(begins, |open| open.min(begins)));
                }
            }
        }
    }
}

/// How far a secret stands at a place. Where a sign of it may be read in several ways, all are followed.
fn matched(data: &[u8], begins: usize, text: &[u8]) -> Match {
    // Where what is written may have come to, for as many bytes of the secret more as a sign may have.
    let mut reached: [Vec<usize>; 5] = Default::default();
    reached[0].push(begins);
    let mut open = false;
    for (index, sought) in text.iter().enumerate() {
        let mut here = std::mem::take(&mut reached[0]);
        here.sort_unstable();
        here.dedup();
        for at in here {
            if at == data.len() {
                open = true;
                continue;
            }
            if data[at] == *sought {
                reached[1].push(at + 1);
            }
            open |= signs::read(data, at, |meant, end| {
                if text[index..].starts_with(meant) {
                    reached[meant.len()].push(end);
                }
            });
        }
        reached.rotate_left(1);
        if reached.iter().all(Vec::is_empty) {
            break;
        }
    }
    Match {
        whole: reached[0].iter().max().copied(),
        open,
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
}
