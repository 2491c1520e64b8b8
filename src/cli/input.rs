//! From flags to an operation's input and options.
//!
//! Invariant: a flag overrides the same field of `--input`, and nothing is guessed: what the catalogue's field
//! cannot parse is `invalid_input` naming it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use clap::ArgMatches;
use mosaic_actors::error::Failure;
use serde_json::{Map, Value};

use crate::catalogue::Entry;
use crate::dispatch::options::{CallOption, OptionValue, Options};

use super::command::{field_id, takes_words};
use super::download::OUTPUT;

/// The longest `--input`, in bytes: more than any operation takes.
const LONGEST_INPUT: u64 = 16 << 20;

/// The input that the command line describes.
///
/// # Errors
/// `invalid_input` naming the field.
pub fn input(entry: &Entry, matches: &ArgMatches) -> Result<Map<String, Value>, Failure> {
    let mut input = match matches.get_one::<String>("input") {
        Some(source) => read_object(source)?,
        None => Map::new(),
    };
    for field in &entry.fields {
        let Some(given) = matches.get_many::<String>(&field_id(field)) else {
            continue;
        };
        let texts: Vec<String> = given.cloned().collect();
        let value = if takes_words(entry, field) {
            field.parse(&[texts.join(" ")])?
        } else {
            field.parse(&texts)?
        };
        input.insert(field.name.clone(), value);
    }
    Ok(input)
}

/// Where a file shall go.
pub fn output<'a>(entry: &Entry, matches: &'a ArgMatches) -> Option<&'a str> {
    // Only operations that answer with files have this flag, and clap refuses to look up what is not declared.
    let named = entry.declaration.bytes.then(|| matches.get_one::<String>(OUTPUT));
    named.flatten().map(String::as_str)
}

/// What the command line says beside the input.
pub fn options(entry: &Entry, matches: &ArgMatches) -> Options {
    let mut options = Options::default();
    for option in CallOption::of(entry) {
        match option.value {
            OptionValue::Text(_, _, place) => *place(&mut options) = matches.get_one(option.flag).cloned(),
            OptionValue::Switch(place) => *place(&mut options) = matches.get_flag(option.flag),
            OptionValue::Time(place) => *place(&mut options) = matches.get_one(option.flag).copied(),
        }
    }
    options
}

/// Reads at most `longest` bytes of text.
///
/// # Errors
/// `invalid_input` naming `field`; the text itself is never quoted.
pub fn read_bounded(field: &str, from: impl Read, longest: u64) -> Result<String, Failure> {
    let mut text = String::new();
    let read = from.take(longest + 1).read_to_string(&mut text);
    let read = read.map_err(|error| Failure::invalid(field, format!("{field} cannot be read: {error}")))?;
    if read as u64 > longest {
        return Err(Failure::invalid(
            field,
            format!("{field} is longer than {longest} bytes"),
        ));
    }
    Ok(text)
}

/// Opens a file that a flag names.
///
/// # Errors
/// `invalid_input` naming `field` and the path.
pub fn open(field: &str, path: impl AsRef<Path>) -> Result<File, Failure> {
    let path = path.as_ref();
    File::open(path).map_err(|error| Failure::invalid(field, format!("{} cannot be opened: {error}", path.display())))
}

fn read_object(source: &str) -> Result<Map<String, Value>, Failure> {
    let text = match source {
        "-" => read_bounded("input", io::stdin(), LONGEST_INPUT)?,
        path => read_bounded("input", open("input", path)?, LONGEST_INPUT)?,
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::invalid("input", "input must be a JSON object")),
        Err(error) => Err(Failure::invalid("input", format!("input is not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use clap::ColorChoice;
    use serde_json::json;

    use super::*;
    use crate::cli::command;

    fn parse(line: &str) -> Result<Value, Failure> {
        let matches = command::root(ColorChoice::Never, true)
            .try_get_matches_from(line.split(' '))
            .expect("a valid line");
        let (entry, leaf) = command::operation(&matches).expect("an operation");
        input(entry, leaf).map(Value::from)
    }

    #[test]
    fn positionals_flags_and_lists_become_typed_fields() {
        assert_eq!(
            parse("mosaic git branch list acme/api --limit 5").unwrap(),
            json!({"repo": "acme/api", "limit": 5})
        );
        assert_eq!(
            parse("mosaic projects issue create acme/api --title T --labels a,b --labels ui").unwrap(),
            json!({"project": "acme/api", "title": "T", "labels": ["a,b", "ui"]})
        );
        assert_eq!(
            parse("mosaic ai chat complete m how are you --max-tokens 9").unwrap(),
            json!({"model": "m", "prompt": "how are you", "max_tokens": 9})
        );
    }

    #[test]
    fn a_wrong_value_names_its_field() {
        let failure = parse("mosaic git branch list acme/api --limit many").unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("limit"));
        let failure = parse("mosaic ai chat complete m --messages [").unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("messages"));
    }

    #[test]
    fn reading_is_bounded() {
        assert_eq!(read_bounded("input", &b"1234"[..], 4).unwrap(), "1234");
        assert!(read_bounded("input", &b"12345"[..], 4).is_err());
    }
}
