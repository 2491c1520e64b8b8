//! What a sign is written in: JSON, a URL, a page. Pure.
//!
//! Invariant: what a writer of any of these makes of a sign in UTF-8 is read as that sign. Where one has written what another
//! wrote, it is read as long as what introduces a sign alone was written anew (`\\u0041`, `%2541`, `&amp;lt;`, `%5Cu0041`),
//! and not where what follows was, too (`%26lt%3B`). Not read are names of signs in pages beyond five, other character sets,
//! and what is no text any more, as Base64. A space that a form writes as `+` is the business of [`secrets`](super::secrets).

/// What of a text is written for one sign begins with one of these.
pub(super) const INTRODUCERS: [u8; 3] = [b'\\', b'%', b'&'];
/// The most bytes behind which what one sign is written in may begin anew: a text within a text has each backslash twice.
pub(super) const DEEPEST: usize = 16;
/// The longest number of a sign in a page, with what is around it.
const LONGEST_ENTITY: usize = 10;
/// The most bytes that one sign is written in: the longest is half of a pair, as many backslashes, and the other half.
#[cfg(test)]
pub(super) const LONGEST_SIGN: usize = 2 * DEEPEST + 10;

/// Names of signs in pages.
const NAMED: [(&[u8], u8); 5] = [
    (b"amp;", b'&'),
    (b"lt;", b'<'),
    (b"gt;", b'>'),
    (b"quot;", b'"'),
    (b"apos;", b'\''),
];

/// A sign, in UTF-8.
#[derive(Clone, Copy)]
struct Meant {
    bytes: [u8; 4],
    length: usize,
}

impl Meant {
    /// One byte: of a URL, which writes each of a sign's for itself.
    fn byte(byte: u8) -> Self {
        Meant {
            bytes: [byte, 0, 0, 0],
            length: 1,
        }
    }

    /// The sign of this number, where there is one.
    fn of(number: u32) -> Option<Self> {
        let mut bytes = [0; 4];
        let length = char::from_u32(number)?.encode_utf8(&mut bytes).len();
        Some(Meant { bytes, length })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// What stands behind what introduces a sign.
enum Sign {
    /// With that, this one is written, and it ends there.
    Written(Meant, usize),
    /// What follows decides.
    Open,
    /// It is written for nothing.
    Itself,
}

impl Sign {
    /// The one of this number, which ends there.
    fn of(number: u32, end: usize) -> Self {
        Meant::of(number).map_or(Sign::Itself, |meant| Sign::Written(meant, end))
    }
}

/// Tells of each sign that what stands at a place may be written for, and where that ends: of `%2541` the beginning is written
/// for `%`, and all of it for `A`. Whether what follows may make more of it comes back.
pub(super) fn read(data: &[u8], at: usize, mut told: impl FnMut(&[u8], usize)) -> bool {
    let (mut introducer, mut end) = (data[at], at + 1);
    while end - at <= DEEPEST {
        match behind(introducer, data, end) {
            Sign::Written(meant, ends) => {
                told(meant.bytes(), ends);
                end = ends;
                introducer = meant.bytes[0];
            }
            Sign::Open => return true,
            Sign::Itself => break,
        }
    }
    false
}

/// What stands from a place on, behind this.
fn behind(introducer: u8, data: &[u8], from: usize) -> Sign {
    match introducer {
        b'\\' => escaped(data, from),
        b'%' => byte(data, from),
        b'&' => in_page(data, from),
        _ => Sign::Itself,
    }
}

/// In a string of JSON: `\u0041`, `\/`.
fn escaped(data: &[u8], from: usize) -> Sign {
    let one = |byte| Sign::Written(Meant::byte(byte), from + 1);
    match data.get(from) {
        None => Sign::Open,
        Some(b'u') => unit(data, from + 1),
        Some(b'x') => match hexadecimal(data, from + 1, 2) {
            Digits::Are(number) if number < 0x80 => Sign::of(number, from + 3),
            Digits::Open => Sign::Open,
            _ => Sign::Itself,
        },
        Some(b'b') => one(0x08),
        Some(b'f') => one(0x0c),
        Some(b'n') => one(b'\n'),
        Some(b'r') => one(b'\r'),
        Some(b't') => one(b'\t'),
        Some(other) if other.is_ascii_punctuation() => one(*other),
        Some(_) => Sign::Itself,
    }
}

/// A sign of JSON by its number; of a large one, that is written in two halves, both.
fn unit(data: &[u8], from: usize) -> Sign {
    let (first, end) = match hexadecimal(data, from, 4) {
        Digits::Are(number) => (number, from + 4),
        Digits::Open => return Sign::Open,
        Digits::None => return Sign::Itself,
    };
    if !(0xd800..0xdc00).contains(&first) {
        return Sign::of(first, end);
    }
    let slashes = backslashes(data, end);
    match data.get(end + slashes) {
        None => Sign::Open,
        Some(b'u') if slashes > 0 => match hexadecimal(data, end + slashes + 1, 4) {
            Digits::Are(second) if (0xdc00..0xe000).contains(&second) => {
                let number = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                Sign::of(number, end + slashes + 5)
            }
            Digits::Open => Sign::Open,
            _ => Sign::Itself,
        },
        Some(_) => Sign::Itself,
    }
}

/// How many backslashes stand at a place, as far as they count together.
pub(super) fn backslashes(data: &[u8], at: usize) -> usize {
    let rest = data[at..].iter().take(DEEPEST);
    rest.take_while(|byte| **byte == b'\\').count()
}

/// In a URL: `%41`. It may be a part of a sign.
fn byte(data: &[u8], from: usize) -> Sign {
    match hexadecimal(data, from, 2) {
        Digits::Are(number) => match u8::try_from(number) {
            Ok(byte) => Sign::Written(Meant::byte(byte), from + 2),
            Err(_) => Sign::Itself,
        },
        Digits::Open => Sign::Open,
        Digits::None => Sign::Itself,
    }
}

/// Hexadecimal digits.
enum Digits {
    Are(u32),
    /// There may be more to come.
    Open,
    None,
}

/// So many of them.
fn hexadecimal(data: &[u8], from: usize, count: usize) -> Digits {
    let there = &data[from.min(data.len())..(from + count).min(data.len())];
    if !there.iter().all(u8::is_ascii_hexdigit) {
        return Digits::None;
    }
    if there.len() < count {
        return Digits::Open;
    }
    let text = std::str::from_utf8(there).unwrap_or_default();
    u32::from_str_radix(text, 16).map_or(Digits::None, Digits::Are)
}

/// In a page: `&#65;`, `&#x41;`, `&amp;`.
fn in_page(data: &[u8], from: usize) -> Sign {
    let rest = &data[from..];
    for (name, sign) in NAMED {
        if rest.starts_with(name) {
            return Sign::Written(Meant::byte(sign), from + name.len());
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
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match number {
        Ok(number) if within[length] == b';' => Sign::of(number, from + 1 + length + 1),
        _ => Sign::Itself,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the beginning of a text may be written for, and whether more may come of it.
    fn all(text: &str) -> (Vec<String>, bool) {
        let mut told = vec![];
        let open = read(text.as_bytes(), 0, |meant, end| {
            told.push(format!("{}:{end}", String::from_utf8_lossy(meant)));
        });
        (told, open)
    }

    #[test]
    fn each_layer_is_told_with_its_end() {
        for (text, told) in [
            (r"\u0041", &["A:6"][..]),
            (r"\\u0041", &["\\:2", "A:7"][..]),
            ("%2541", &["%:3", "A:5"][..]),
            ("%5Cu0041", &["\\:3", "A:8"][..]),
            ("&amp;lt;x", &["&:5", "<:8"][..]),
            (r"\u0026#252;", &["&:6", "ü:11"][..]),
            (r"\t", &["\t:2"][..]),
            (r"\ud83d\ude00", &["\u{1f600}:12"][..]),
            ("&#x1F600;", &["\u{1f600}:9"][..]),
            ("%26lt%3B", &["&:3"][..]),
            (r"\udc00x", &[][..]),
            ("&uuml;", &[][..]),
            ("&#1114112;", &[][..]),
            ("a", &[][..]),
        ] {
            assert_eq!(
                all(text),
                (told.iter().map(|told| (*told).to_owned()).collect(), false),
                "{text}"
            );
        }
        for text in [r"\", r"\u00", r"\ud83d", r"\ud83d\u", "%", "%4", "&", "&am", "&#12"] {
            assert!(all(text).1, "{text}");
        }
    }

    #[test]
    fn however_often_it_is_written_anew_it_ends() {
        for text in [
            "\\".repeat(1000),
            format!("%{}", "25".repeat(1000)),
            format!("&{}", "amp;".repeat(1000)),
        ] {
            let (told, open) = all(&text);
            assert!((1..=DEEPEST).contains(&told.len()) && !open, "{}", told.len());
        }
    }
}
