//! Server-sent events (WHATWG HTML, section 9.2), read piece by piece.
//!
//! Invariant: the events do not depend on how the bytes were cut into pieces, and no line or event outgrows its bound.

use bytes::{Buf, Bytes};
use mosaic_actors::error::{Failure, Kind};

/// The longest line, in bytes. Models send a few hundred; a result of a batch has a mebibyte at most, and almost four with
/// its numbers written out and the provider's own JSON beside them.
pub const LONGEST_LINE: usize = 4 << 20;
/// The most data that one event may have, in bytes.
pub const LARGEST_EVENT: usize = 4 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty where the provider gave none.
    pub name: String,
    /// Its data; several lines are joined by line feeds.
    pub data: String,
    /// Its id; empty where the provider gave it none.
    pub id: String,
}

/// Makes events of bytes.
#[derive(Default)]
pub struct Decoder {
    line: Vec<u8>,
    name: String,
    id: String,
    data: Option<String>,
    begun: bool,
    after_cr: bool,
}

impl Decoder {
    /// Takes bytes from the front of `input` until an event is whole, or none are left.
    ///
    /// # Errors
    /// `upstream_failed` where a line or an event is too long.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Event>, Failure> {
        while !input.is_empty() {
            if std::mem::take(&mut self.after_cr) && input[0] == b'\n' {
                input.advance(1);
                continue;
            }
            let end = input.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let piece = input.split_to(end.unwrap_or(input.len()));
            if self.line.len() + piece.len() > LONGEST_LINE {
                return Err(too_long("line", LONGEST_LINE));
            }
            self.line.extend_from_slice(&piece);
            if end.is_some() {
                self.after_cr = input.get_u8() == b'\r';
                if let Some(event) = self.end_line()? {
                    return Ok(Some(event));
                }
            }
        }
        Ok(None)
    }

    fn end_line(&mut self) -> Result<Option<Event>, Failure> {
        let bytes = std::mem::take(&mut self.line);
        // As the standard has it: what is no UTF-8 is replaced, and a byte order mark may stand at the very beginning.
        let text = String::from_utf8_lossy(&bytes);
        let line = match std::mem::replace(&mut self.begun, true) {
            false => text.strip_prefix('\u{feff}').unwrap_or(&text),
            true => &text,
        };
        if line.is_empty() {
            let (name, id) = (std::mem::take(&mut self.name), std::mem::take(&mut self.id));
            return Ok(self.data.take().map(|data| Event { name, data, id }));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.add(value)?,
            "event" => value.clone_into(&mut self.name),
            "id" => value.clone_into(&mut self.id),
            // Comments (an empty name), and `retry`: who resumes a stream knows for itself when.
            _ => {}
        }
        Ok(None)
    }

    fn add(&mut self, value: &str) -> Result<(), Failure> {
        let data = match &mut self.data {
            Some(data) => {
                data.push('\n');
                data
            }
            None => self.data.insert(String::new()),
        };
        if data.len() + value.len() > LARGEST_EVENT {
            return Err(too_long("event", LARGEST_EVENT));
        }
        data.push_str(value);
        Ok(())
    }
}

fn too_long(what: &str, limit: usize) -> Failure {
    let mut failure = Failure::new(
        Kind::UpstreamFailed,
        format!("a streamed {what} is longer than {limit} bytes"),
    );
    failure.retryable = false;
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The events of `bytes`, fed in pieces of the given sizes, round and round.
    fn decode(bytes: &[u8], sizes: &[usize]) -> Result<Vec<Event>, Failure> {
        let mut decoder = Decoder::default();
        let mut events = vec![];
        let mut rest = Bytes::copy_from_slice(bytes);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let mut piece = rest.split_to((*size).clamp(1, rest.len()));
            while let Some(event) = decoder.next(&mut piece)? {
                events.push(event);
            }
        }
        Ok(events)
    }

    fn event(name: &str, data: &str) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
            id: String::new(),
        }
    }

    #[test]
    fn the_standard_by_example() {
        let whole = |text: &str| decode(text.as_bytes(), &[usize::MAX]).expect("decoded");
        assert_eq!(whole("data: a\ndata: b\n\n"), [event("", "a\nb")]);
        assert_eq!(whole("data: a\r\ndata: b\r\n\r\n"), [event("", "a\nb")]);
        assert_eq!(whole("\u{feff}data: a\r\n\r\n"), [event("", "a")]);
        assert_eq!(
            whole("event: x\rdata:a\r\rdata: b\n\n"),
            [event("x", "a"), event("", "b")]
        );
        assert_eq!(whole(": ping\n\ndata\n\nid: 7\nretry: 3\n\n"), [event("", "")]);
        let second = Event {
            id: "7".to_owned(),
            ..event("", "b")
        };
        assert_eq!(whole("id: 7\ndata: b\n\ndata: c\n\n"), [second, event("", "c")]);
        assert_eq!(whole("data:  two spaces\n\n"), [event("", " two spaces")]);
        assert_eq!(whole("event: lost\n\ndata: b\n\n"), [event("", "b")]);
        assert_eq!(whole("data: a\n\ndata: cut"), [event("", "a")]);
        assert_eq!(whole("data: a\n\ndata: cut\n"), [event("", "a")]);
    }

    #[test]
    fn every_cut_of_a_text_gives_the_same_events() {
        let text =
            "\u{feff}: c\r\nevent: é\r\ndata: {\"a\":\"ü\"}\r\n\r\ndata: x\rdata: y\r\rdata: [DONE]\n\n".as_bytes();
        let whole = decode(text, &[usize::MAX]).expect("decoded");
        assert_eq!(whole.len(), 3);
        for first in 1..text.len() {
            assert_eq!(
                decode(text, &[first, usize::MAX]).expect("decoded"),
                whole,
                "cut at {first}"
            );
        }
        assert_eq!(decode(text, &[1]).expect("decoded"), whole);
    }

    #[test]
    fn lines_and_events_have_a_bound() {
        let line = [b"data: ".as_slice(), &vec![b'x'; LONGEST_LINE]].concat();
        assert!(decode(&line, &[4096]).is_err());
        assert!(decode(&vec![b'x'; LONGEST_LINE], &[4096]).is_ok());
        let half = [b"data: ".as_slice(), &vec![b'x'; LARGEST_EVENT / 2], b"\n"].concat();
        assert!(decode(&half.repeat(2), &[4096]).is_err());
        assert!(decode(&[&half[..], b"\n", &half[..], b"\n"].concat(), &[4096]).is_ok());
    }

    proptest! {
        #[test]
        fn pieces_never_matter(
            lines in prop::collection::vec("(data|event|id|:|x)?:? ?[a-zé\u{feff}]{0,4}(\r\n|\n|\r){1,2}", 0..12),
            sizes in prop::collection::vec(1usize..9, 1..6),
        ) {
            let text = lines.concat();
            prop_assert_eq!(decode(text.as_bytes(), &sizes).unwrap(), decode(text.as_bytes(), &[usize::MAX]).unwrap());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            sizes in prop::collection::vec(1usize..9, 1..6),
        ) {
            prop_assert_eq!(decode(&bytes, &sizes).unwrap(), decode(&bytes, &[usize::MAX]).unwrap());
        }
    }
}
