//! A secret in whatever way a server may write it: each of its signs for itself, or as JSON, a URL or a page has it. Pure.
//!
//! Invariant: all mixes of those are one secret, also in a text within a text; and what may yet become one is told apart
//! from what cannot.

/// What of a text is written for one sign begins with one of these.
const INTRODUCERS: [u8; 3] = [b'\\', b'%', b'&'];
/// The most backslashes before one sign: a text within a text has each of its own twice.
const DEEPEST: usize = 16;
/// How often a percent sign may itself be encoded.
const MOST_TIMES: usize = 3;
/// The longest number of a sign in a page, with what is around it.
const LONGEST_ENTITY: usize = 10;
/// The most bytes that one sign is written in.
#[cfg(test)]
pub(super) const LONGEST_SIGN: usize = DEEPEST + 5;

/// Names of signs in pages.
const NAMED: [(&[u8], u8); 5] = [
    (b"amp;", b'&'),
    (b"lt;", b'<'),
    (b"gt;", b'>'),
    (b"quot;", b'"'),
    (b"apos;", b'\''),
];

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

/// What stands at a place.
enum Sign {
    /// One sign that is written in so many bytes.
    Written(u8, usize),
    /// What follows decides.
    Open,
    /// It stands for itself.
    Itself,
}

/// What a secret is at a place.
enum Match {
    /// It ends there.
    Whole(usize),
    Open,
    None,
}

impl Secrets {
    pub(super) fn of(texts: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let texts: Vec<Vec<u8>> = texts.into_iter().collect();
        let mut signs = texts.concat();
        signs.sort_unstable();
        signs.dedup();
        Secrets { texts, signs }
    }

    /// The first place at or behind `at` at which a secret is written with at least one sign otherwise than it stands.
    pub(super) fn search(&self, data: &[u8], at: usize) -> Places {
        let mut places = Places::default();
        let (mut from, [one, other, third]) = (at, INTRODUCERS);
        while !self.texts.is_empty()
            && let Some(next) = memchr::memchr3(one, other, third, &data[from..])
        {
            let place = from + next;
            // No secret that begins behind what is found counts before it.
            if places.found.is_some_and(|(begins, _)| place >= begins + self.longest()) {
                break;
            }
            let length = match sign(data, place) {
                Sign::Written(sign, length) => {
                    if self.has(sign) {
                        self.around(data, at, place, Some(sign), &mut places);
                    }
                    length
                }
                Sign::Open => {
                    self.around(data, at, place, None, &mut places);
                    1
                }
                Sign::Itself => 1,
            };
            // One of the secret's own may be written as itself and more.
            if data[place] != b'&' && self.has(data[place]) {
                self.around(data, at, place, Some(data[place]), &mut places);
            }
            from = place + length.max(backslashes(data, place));
        }
        places
    }

    fn has(&self, sign: u8) -> bool {
        self.signs.binary_search(&sign).is_ok()
    }

    fn longest(&self) -> usize {
        self.texts.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// Looks for secrets whose first sign that is written otherwise is the one at `place`.
    fn around(&self, data: &[u8], at: usize, place: usize, written: Option<u8>, places: &mut Places) {
        for text in &self.texts {
            let before = text.len().min(place - at + 1);
            for index in (0..before).rev() {
                let fits = written.is_none_or(|sign| text[index] == sign);
                let begins = place - index;
                if !fits || data[begins..place] != text[..index] {
                    continue;
                }
                match matched(data, begins, text) {
                    Match::Whole(end) => {
                        let better = places
                            .found
                            .is_none_or(|(other, longest)| begins < other || begins == other && end > longest);
                        if better {
                            places.found = Some((begins, end));
                        }
                    }
                    Match::Open => places.open = Some(places.open.map_or(begins, |open| open.min(begins))),
                    Match::None => {}
                }
            }
        }
    }
}

/// How far a secret stands at a place. Where a sign of it may be read in two ways, both are followed.
fn matched(data: &[u8], begins: usize, text: &[u8]) -> Match {
    let (mut reached, mut open) = (vec![begins], false);
    for sought in text {
        let mut next = Vec::with_capacity(reached.len());
        for at in reached {
            if at == data.len() {
                open = true;
                continue;
            }
            if data[at] == *sought {
                next.push(at + 1);
            }
            match sign(data, at) {
                Sign::Written(sign, length) if sign == *sought => next.push(at + length),
                Sign::Written(..) | Sign::Itself => {}
                Sign::Open => open = true,
            }
            // These two may also be the beginning of another.
            if *sought == b'\\' {
                next.extend((2..=backslashes(data, at)).map(|count| at + count));
            } else if *sought == b'%' && data[at..].starts_with(b"%25") {
                next.push(at + 3);
            }
        }
        next.sort_unstable();
        next.dedup();
        reached = next;
    }
    match reached.last() {
        Some(end) => Match::Whole(*end),
        None if open => Match::Open,
        None => Match::None,
    }
}

/// How many backslashes stand there, as far as they count together.
fn backslashes(data: &[u8], at: usize) -> usize {
    let rest = data[at..].iter().take(DEEPEST);
    rest.take_while(|byte| **byte == b'\\').count()
}

/// The sign that something is written for at a place.
fn sign(data: &[u8], at: usize) -> Sign {
    match data[at] {
        b'\\' => escaped(data, at),
        b'%' => encoded(data, at),
        b'&' => in_page(data, at),
        _ => Sign::Itself,
    }
}

/// In a string of JSON: `\u0041`, `\/`, and in one within a string `\\u0041`.
fn escaped(data: &[u8], at: usize) -> Sign {
    let behind = at + backslashes(data, at);
    match data.get(behind) {
        None => Sign::Open,
        Some(b'u') => digits(data, at, behind + 1, 4),
        Some(b'x') => digits(data, at, behind + 1, 2),
        Some(other) if other.is_ascii_punctuation() && *other != b'\\' => Sign::Written(*other, behind + 1 - at),
        Some(_) => Sign::Itself,
    }
}

/// In a URL: `%41`, and in one within a URL `%2541`.
fn encoded(data: &[u8], at: usize) -> Sign {
    let mut from = at + 1;
    for _ in 0..MOST_TIMES {
        if !data[from..].starts_with(b"25") {
            break;
        }
        match digits(data, at, from + 2, 2) {
            Sign::Written(..) => from += 2,
            Sign::Open => return Sign::Open,
            Sign::Itself => break,
        }
    }
    digits(data, at, from, 2)
}

/// So many hexadecimal digits, of something that begins at `at`.
fn digits(data: &[u8], at: usize, from: usize, count: usize) -> Sign {
    let there = &data[from.min(data.len())..(from + count).min(data.len())];
    if !there.iter().all(u8::is_ascii_hexdigit) {
        return Sign::Itself;
    }
    if there.len() < count {
        return Sign::Open;
    }
    let text = std::str::from_utf8(there).unwrap_or_default();
    match u32::from_str_radix(text, 16)
        .ok()
        .and_then(|number| u8::try_from(number).ok())
    {
        Some(sign) if sign.is_ascii() => Sign::Written(sign, from + count - at),
        _ => Sign::Itself,
    }
}

/// In a page: `&#65;`, `&#x41;`, `&amp;`.
fn in_page(data: &[u8], at: usize) -> Sign {
    let rest = &data[at + 1..];
    for (name, sign) in NAMED {
        if rest.starts_with(name) {
            return Sign::Written(sign, 1 + name.len());
        }
        if name.starts_with(rest) {
            return Sign::Open;
        }
    }
    let Some(number) = rest.strip_prefix(b"#") else {
        return Sign::Itself;
    };
    let within = &number[..number.len().min(LONGEST_ENTITY)];
    let Some(length) = within
        .iter()
        .position(|byte| !byte.is_ascii_hexdigit() && !matches!(byte, b'x' | b'X'))
    else {
        return if within.len() < LONGEST_ENTITY {
            Sign::Open
        } else {
            Sign::Itself
        };
    };
    let text = std::str::from_utf8(&within[..length]).unwrap_or_default();
    let number = match text.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u8::from_str_radix(hexadecimal, 16),
        None => text.parse(),
    };
    match number {
        Ok(sign) if within[length] == b';' && sign.is_ascii() => Sign::Written(sign, 2 + length + 1),
        _ => Sign::Itself,
    }
}

#[cfg(test)]
mod tests {
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
}
