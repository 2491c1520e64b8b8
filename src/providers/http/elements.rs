//! The rows of a JSON list that may be larger than what is held, one after the other.
//!
//! Invariant: how the list was cut into pieces shows nowhere; a row that is too long to be held is told in its place, and a
//! list that does not end is none.

use futures_util::stream;
use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::lenient::{self, Unreadable};
use super::pieces::Pieces;
use crate::catalogue::raw::Raw;

/// The longest row. A line of a log has a mebibyte at most, and in base64 four thirds of it.
const LONGEST: usize = 2 << 20;

/// One row of a list.
#[derive(Debug, PartialEq, Eq)]
pub enum Element {
    /// As it came.
    Json(Vec<u8>),
    /// It is longer than what is held.
    TooLong,
}

impl Element {
    /// Reads it.
    ///
    /// # Errors
    /// `upstream_failed` where it cannot be; `at`: which row it is, counted from 0.
    pub fn read<T: DeserializeOwned>(&self, at: u64) -> Result<T, Failure> {
        let read = match self {
            Element::Json(json) => lenient::read(json),
            Element::TooLong => Err(Unreadable::At(".".to_owned())),
        };
        read.map_err(|unreadable| unreadable.failure(usize::try_from(at).ok()))
    }

    /// Whether there is nothing in its place.
    pub fn is_null(&self) -> bool {
        matches!(self, Element::Json(json) if json.trim_ascii() == NULL)
    }

    /// As it came, where it is held.
    pub fn json(self) -> Option<Vec<u8>> {
        match self {
            Element::Json(json) => Some(json),
            Element::TooLong => None,
        }
    }
}

/// Rows as one list, unread.
///
/// # Errors
/// `upstream_failed` where one of them is no JSON.
pub fn list(rows: &[Vec<u8>]) -> Result<Raw, Failure> {
    let json = [&b"["[..], &rows.join(&b','), b"]"].concat();
    let raw = lenient::read::<Box<RawValue>>(&json).map(Raw::from);
    raw.map_err(|unreadable| unreadable.failure(None))
}

/// The rows of an answer that is one list; null is an empty one.
pub struct Elements {
    pieces: Pieces,
    splitter: Splitter,
}

impl Elements {
    /// The rows of the list that comes in `pieces`.
    pub fn of(pieces: Pieces) -> Self {
        Elements {
            pieces,
            splitter: Splitter::default(),
        }
    }

    /// None: the answer says that there is nothing.
    pub fn none() -> Self {
        let mut none = Self::of(Pieces::of(stream::empty()));
        none.splitter.place = Place::Behind;
        none
    }

    /// The rows that ended with the next piece, which may be none; nothing behind the list's end.
    ///
    /// # Errors
    /// What the connection fails with; `upstream_failed` where it is no list, or breaks off.
    pub async fn next(&mut self) -> Result<Option<Vec<Element>>, Failure> {
        let unreadable = |unreadable: Unreadable| unreadable.failure(None);
        match self.pieces.next().await? {
            Some(piece) => self.splitter.more(&piece).map(Some).map_err(unreadable),
            None => self.splitter.end().map(|()| None).map_err(unreadable),
        }
    }
}

/// Where in the list it is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Before its first character.
    #[default]
    Before,
    /// Within the word null, so many of its letters on.
    Null(usize),
    /// Before a row; `first`: the list may end in place of it.
    Ahead { first: bool },
    /// Within a row.
    Row,
    /// Behind its end.
    Behind,
}

const NULL: &[u8] = b"null";
/// What some servers put before their JSON.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Cuts a list into its rows, without reading them.
#[derive(Default)]
struct Splitter {
    place: Place,
    /// Bytes of the mark that came.
    mark: usize,
    row: Vec<u8>,
    too_long: bool,
    /// Lists and objects of the row that are open.
    depth: usize,
    /// It is within a text of the row.
    quoted: bool,
    /// The next character of the text means itself.
    escaped: bool,
}

impl Splitter {
    /// The rows that are whole with these bytes.
    fn more(&mut self, bytes: &[u8]) -> Result<Vec<Element>, Unreadable> {
        let (mut rows, mut left) = (vec![], bytes);
        while let Some((byte, rest)) = left.split_first() {
            let plain = self.plain(left);
            if plain > 0 {
                self.hold(&left[..plain]);
                left = &left[plain..];
                continue;
            }
            if self.place == Place::Row {
                rows.extend(self.of_row(*byte)?);
            } else {
                self.between(*byte)?;
            }
            left = rest;
        }
        Ok(rows)
    }

    /// How many of these bytes are of a row's text, before one that may end it: most of a long row are.
    fn plain(&self, bytes: &[u8]) -> usize {
        if !self.quoted || self.escaped {
            return 0;
        }
        let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        end.unwrap_or(bytes.len())
    }

    /// Whether all has come.
    fn end(&self) -> Result<(), Unreadable> {
        match self.place {
            Place::Behind => Ok(()),
            _ => Err(Unreadable::NoJson),
        }
    }

    fn between(&mut self, byte: u8) -> Result<(), Unreadable> {
        self.place = match (self.place, byte) {
            (Place::Before, byte) if MARK.get(self.mark) == Some(&byte) => {
                self.mark += 1;
                Place::Before
            }
            (place @ (Place::Before | Place::Ahead { .. } | Place::Behind), b' ' | b'\t' | b'\r' | b'\n') => place,
            (Place::Before, b'[') => Place::Ahead { first: true },
            (Place::Before, b'n') => Place::Null(1),
            (Place::Before, b'{' | b'"' | b't' | b'f' | b'-' | b'0'..=b'9') => {
                return Err(Unreadable::At(".".to_owned()));
            }
            (Place::Null(at), byte) if NULL.get(at) == Some(&byte) => match at + 1 == NULL.len() {
                true => Place::Behind,
                false => Place::Null(at + 1),
            },
            (Place::Ahead { first: true }, b']') => Place::Behind,
            (Place::Ahead { .. }, b']' | b',' | b'}' | b':') => return Err(Unreadable::NoJson),
            (Place::Ahead { .. }, byte) => {
                self.place = Place::Row;
                self.lengthen(byte);
                return Ok(());
            }
            (Place::Behind, _) => return Err(Unreadable::GoesOn),
            // The mark of UTF-16, whichever of its bytes comes first.
            (Place::Before, 0xfe | 0xff) => return Err(Unreadable::Wide),
            _ => return Err(Unreadable::NoJson),
        };
        Ok(())
    }

    /// A byte of a row, or the one that ends it.
    fn of_row(&mut self, byte: u8) -> Result<Option<Element>, Unreadable> {
        if self.quoted || self.depth > 0 || !matches!(byte, b',' | b']') {
            if !self.quoted && self.depth == 0 && byte == b'}' {
                return Err(Unreadable::NoJson);
            }
            self.lengthen(byte);
            return Ok(None);
        }
        self.place = match byte {
            b',' => Place::Ahead { first: false },
            _ => Place::Behind,
        };
        let row = std::mem::take(&mut self.row);
        Ok(Some(match std::mem::take(&mut self.too_long) {
            true => Element::TooLong,
            false => Element::Json(row),
        }))
    }

    fn lengthen(&mut self, byte: u8) {
        match byte {
            _ if std::mem::take(&mut self.escaped) => {}
            b'\\' if self.quoted => self.escaped = true,
            b'"' => self.quoted = !self.quoted,
            b'[' | b'{' if !self.quoted => self.depth += 1,
            b']' | b'}' if !self.quoted => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.hold(&[byte]);
    }

    fn hold(&mut self, bytes: &[u8]) {
        match self.row.len() + bytes.len() <= LONGEST && !self.too_long {
            true => self.row.extend_from_slice(bytes),
            false => (self.too_long, self.row) = (true, vec![]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The rows of a list that comes in pieces of these sizes, round and round.
    fn split(list: &[u8], sizes: &[usize]) -> Result<Vec<Element>, Unreadable> {
        let (mut splitter, mut rows, mut rest) = (Splitter::default(), vec![], list);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, later) = rest.split_at((*size).clamp(1, rest.len()));
            rows.extend(splitter.more(piece)?);
            rest = later;
        }
        splitter.end().map(|()| rows)
    }

    fn texts(list: &str) -> Result<Vec<String>, Unreadable> {
        let text = |row| match row {
            Element::Json(json) => String::from_utf8(json).expect("text"),
            Element::TooLong => "too long".to_owned(),
        };
        split(list.as_bytes(), &[usize::MAX]).map(|rows| rows.into_iter().map(text).collect())
    }

    #[test]
    fn a_list_falls_into_its_rows_and_anything_else_is_none() {
        let rows = texts(" [1 , {\"a\": [\"],}\\\"\", {}]},\"x,]\",null]\n").expect("a list");
        assert_eq!(rows, ["1 ", "{\"a\": [\"],}\\\"\", {}]}", "\"x,]\"", "null"]);
        for empty in ["[]", " [ ] ", "null", "\u{feff}[]"] {
            assert_eq!(texts(empty), Ok(vec![]), "{empty}");
        }
        for (text, why) in [
            ("", Unreadable::NoJson),
            ("[1,2", Unreadable::NoJson),
            ("[1,]", Unreadable::NoJson),
            ("[,]", Unreadable::NoJson),
            ("[1}", Unreadable::NoJson),
            ("nul", Unreadable::NoJson),
            ("nix", Unreadable::NoJson),
            ("<html>", Unreadable::NoJson),
            ("[1] 2", Unreadable::GoesOn),
            ("{\"a\": 1}", Unreadable::At(".".to_owned())),
        ] {
            assert_eq!(texts(text), Err(why), "{text}");
        }
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let wide: Vec<u8> = "\u{feff}[]".encode_utf16().flat_map(order).collect();
            assert_eq!(split(&wide, &[1]), Err(Unreadable::Wide));
        }
    }

    #[test]
    fn a_row_that_is_too_long_is_told_and_not_held() {
        let list = format!("[1,\"{}\",2]", "x".repeat(LONGEST));
        let rows = split(list.as_bytes(), &[1000]).expect("a list");
        let json = |text: &str| Element::Json(text.as_bytes().to_vec());
        assert_eq!(rows, [json("1"), Element::TooLong, json("2")]);
        let refused = Element::TooLong.read::<Value>(1).expect_err("it was not held");
        assert!(refused.message().contains("[1]"), "{refused}");
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((".{0,4}", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn rows_do_not_depend_on_how_the_list_was_cut(
            list in proptest::collection::vec(json(), 0..6),
            sizes in proptest::collection::vec(1usize..9, 1..5),
        ) {
            let text = serde_json::to_string_pretty(&list).expect("JSON");
            let rows = split(text.as_bytes(), &sizes).expect("a list");
            prop_assert_eq!(&rows, &split(text.as_bytes(), &[usize::MAX]).expect("a list"));
            let read: Vec<Value> = rows.iter().map(|row| row.read(0).expect("JSON")).collect();
            prop_assert_eq!(read, list);
        }

        #[test]
        fn what_is_taken_for_a_list_is_not_refused_for_its_pieces(bytes: Vec<u8>, size in 1usize..5) {
            prop_assert_eq!(split(&bytes, &[size]), split(&bytes, &[usize::MAX]));
        }
    }
}
