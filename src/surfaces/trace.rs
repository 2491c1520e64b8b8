//! The trace that a request is part of (W3C Trace Context).
//!
//! Invariant: what a client says is taken over only where it is well-formed; where it is not, the trace is begun anew, and the
//! client is told. A request that says nothing of a trace is part of none. Providers are not told: their vendors have no part in
//! it, as they have none in request ids.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header, both ways: what comes names the caller's span, what goes names ours.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A span of ours in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    id: u128,
    span: u64,
    flags: u8,
}

impl Trace {
    /// The trace that these headers name; a new one where they name it wrongly.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut given = headers.get_all(&TRACEPARENT).iter();
        let first = given.next()?;
        let read = match given.next() {
            None => read(first.as_bytes()),
            Some(_) => None,
        };
        let (id, flags) = read.unwrap_or_else(|| (fastrand::u128(1..), 0));
        let span = fastrand::u64(1..);
        Some(Trace { id, span, flags })
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn id(self) -> String {
        format!("{:032x}", self.id)
    }

    /// What is told of it.
    pub fn header(self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.to_string()).ok()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.id, self.span, self.flags)
    }
}

/// The trace's id and flags. Of a version to come, what version 00 knows stands at the beginning.
fn read(text: &[u8]) -> Option<(u128, u8)> {
    let text = std::str::from_utf8(text).ok()?;
    let version = hex(text.get(..2)?)?;
    let is_whole = match version {
        0 => text.len() == 55,
        255 => false,
        _ => text.len() == 55 || text.as_bytes().get(55) == Some(&b'-'),
    };
    let fields = [text.get(3..35)?, text.get(36..52)?, text.get(53..55)?];
    let [id, parent, flags] = [hex(fields[0])?, hex(fields[1])?, hex(fields[2])?];
    let dashes = [2, 35, 52].iter().all(|at| text.as_bytes()[*at] == b'-');
    // Of the flags only the first is known: the others are not ours to pass on.
    (is_whole && dashes && id != 0 && parent != 0).then_some((id, flags as u8 & 1))
}

/// Small letters alone, as the recommendation has it.
fn hex(digits: &str) -> Option<u128> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let sound = digits.bytes().all(is_hex);
    sound.then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of(lines: &[&str]) -> Option<Trace> {
        let line = |line: &&str| (TRACEPARENT, line.parse().expect("a header"));
        Trace::of(&lines.iter().map(line).collect())
    }

    #[test]
    fn a_sound_trace_is_gone_on_with_and_another_begun_anew() {
        assert_eq!(of(&[]), None);
        for (version, more, flags) in [("00", "", 1), ("00", "", 0), ("cc", "", 1), ("cc", "-what-comes", 1)] {
            let line = format!("{version}-{ID}-00f067aa0ba902b7-0{flags}{more}");
            let trace = of(&[&line]).expect("a trace");
            assert_eq!((&*trace.id(), trace.flags), (ID, flags), "{line}");
            let told = trace.header().expect("a header");
            let told = told.to_str().expect("ASCII");
            assert!(
                told.starts_with(&format!("00-{ID}-")) && !told.contains("00f067aa0ba902b7"),
                "{told}"
            );
            assert_eq!(read(told.as_bytes()), Some((trace.id, trace.flags)));
        }
        let sound = format!("00-{ID}-00f067aa0ba902b7-01");
        for wrong in [
            "",
            "00",
            &sound[..54],
            &format!("{sound}-more"),
            &sound.replace("00-", "ff-"),
            &sound.to_uppercase(),
            &sound.replace(ID, &"0".repeat(32)),
            &sound.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &sound.replace('-', "_"),
        ] {
            let trace = of(&[wrong]).expect("a new one");
            assert!(trace.id() != ID && trace.id != 0 && trace.flags == 0, "{wrong}");
        }
        assert_ne!(of(&[&sound, &sound]).expect("a new one").id(), ID);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_not(text in "[0-9a-f-]{50,60}|\\PC{0,60}") {
            if let Some((id, flags)) = read(text.as_bytes()) {
                prop_assert!(id != 0 && flags < 2);
            }
        }
    }
}
