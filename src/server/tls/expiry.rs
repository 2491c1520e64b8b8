//! When a certificate expires: the one field of it that nothing else reads for us.
//!
//! Invariant: whatever the bytes are, nothing outside of them is read, and what is no certificate has no time.

use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of the validity of a certificate in DER (RFC 5280, section 4.1).
pub(super) fn not_after(der: &[u8]) -> Option<SystemTime> {
    let (certificate, _) = within(der, SEQUENCE)?;
    let (mut rest, _) = within(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = skip(rest)?;
    }
    // The serial number, the signature's algorithm, the issuer.
    for _ in 0..3 {
        rest = skip(rest)?;
    }
    let (validity, _) = within(rest, SEQUENCE)?;
    time(skip(validity)?)
}

/// A value's tag and content, and what follows it.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let count = usize::from(long & 0x7f);
            let bytes = rest.get(..count).filter(|_| (1..=4).contains(&count))?;
            let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, &rest[count..])
        }
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

fn within(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, after) = value(der)?;
    (tag == wanted).then_some((content, after))
}

fn skip(der: &[u8]) -> Option<&[u8]> {
    value(der).map(|(_, _, after)| after)
}

fn time(der: &[u8]) -> Option<SystemTime> {
    let (tag, content, _) = value(der)?;
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // Of two digits: 50 and more are of the last century.
        UTC_TIME if text.get(..2)? >= "50" => format!("19{text}"),
        UTC_TIME => format!("20{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let at = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    let seconds = at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    let seconds = u64::try_from(seconds).unwrap_or(0);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expiring(year: i32) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(year, 7, 9);
        let key = rcgen::KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("signed").der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_forms_of_times() {
        for (year, seconds) in [(2031, 1_941_321_600), (2061, 2_888_092_800)] {
            let read = not_after(&expiring(year)).expect("a time");
            assert_eq!(
                read.duration_since(SystemTime::UNIX_EPOCH).expect("later").as_secs(),
                seconds
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = not_after(&bytes);
        }

        #[test]
        fn nor_do_those_of_a_certificate_that_was_cut_or_changed(at in 0..300_usize, byte: u8, cut: bool) {
            let mut der = expiring(2031);
            let at = at % der.len();
            match cut {
                true => der.truncate(at),
                false => der[at] = byte,
            }
            let _ = not_after(&der);
        }
    }
}
