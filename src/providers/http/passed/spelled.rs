//! A secret in whatever way a server may write it: each of its signs for itself, or as JSON, a URL or a page has it. Pure.
//!
//! Invariant: every mix of what [`signs`](super::signs) reads is one secret; and what may yet become one, or a longer one, is
//! told apart from what cannot.

use super::reading::{Places, Reading, Texts};
use super::signs::{self, DEEPEST, INTRODUCERS};

#[cfg(test)]
use super::reading::GONE_OVER;

/// Secrets that are sought.
#[derive(Default)]
pub(super) struct Secrets(Texts);

impl Secrets {
    pub(super) fn of(texts: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Secrets(Texts::of(texts))
    }

    /// The first place at or behind `at` at which a secret is written with at least one sign otherwise than it stands, or
    /// holds one that may be read in two ways; near such a sign, one that stands as it is counts too.
    pub(super) fn search(&self, data: &[u8], at: usize) -> Places {
        let mut reading = Reading::of(&self.0, data);
        let (mut place, mut awake) = (at, at);
        loop {
            if reading.is_idle() && place >= awake {
                let next = match reading.has_found() {
                    true => None,
                    false => self.introduced(data, place),
                };
                let Some(next) = next else { break };
                // Signs before it may stand as they are, and the first backslash of many may stand before it.
                place = place.max(next.saturating_sub(self.0.longest + DEEPEST));
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
        if self.0.is_empty() {
            return None;
        }
        loop {
            let next = memchr::memchr3(one, other, third, &data[from..]);
            #[cfg(test)]
            GONE_OVER.set(GONE_OVER.get() + next.unwrap_or(data.len() - from));
            let place = from + next?;
            // One of the secret's own may be written as itself and more.
            let mut counts = self.0.has(data[place]);
            let open = signs::read(data, place, |meant, _| counts |= self.0.has(meant[0]));
            if counts || open {
                return Some(place);
            }
            // What stands behind several backslashes was read from the first of them.
            from = place + signs::backslashes(data, place).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::COMPARED;
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
            ("abab\\u0061bcabab-1", Some((2, 18))),
            ("ababc%61bab-1-and-more", Some((0, 13))),
            ("babc%61bab-1-and-more", Some((3, 21))),
            ("abab%61bab", None),
        ] {
            assert_eq!(secrets.search(data.as_bytes(), 0).found, found, "{data}");
        }
    }
}
