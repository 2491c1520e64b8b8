//! From flags to an operation's input and options.
//!
//! Invariant: a flag overrides the same field of `--input`, and nothing is guessed: what the catalogue's field
//! cannot parse is `invalid_input` naming it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::ArgMatches;
use mosaic_actors::error::Failure;
use serde_json::{Map, Value};

use crate::catalogue::Entry;
use crate::catalogue::entry::{Field, Shape};
use crate::dispatch::options::{CallOption, OptionValue, Options};

use super::command::{CONTENT, field_id, from_file, long, named_id, positionals, takes_words};
use super::download::OUTPUT;
use super::upload::FILE;
use crate::wording;

/// How content is written, where it is not as it is.
const ENCODING: &str = "encoding";

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
    for (field, texts) in given(entry, matches)? {
        let value = if takes_words(entry, field) {
            field.parse(&[texts.join(" ")])?
        } else if field.shape == Shape::TextList && texts == [""] {
            // Nothing that is listed has an empty name.
            Value::Array(vec![])
        } else {
            field.parse(&texts)?
        };
        input.insert(field.name.clone(), value);
    }
    if let Some(field) = from_file(entry)
        && let Some(path) = matches.get_one::<String>(FILE)
    {
        read_field(field, path, &mut input)?;
    }
    let missing = |field: &&Field| field.required && !input.contains_key(&field.name);
    if let Some(field) = entry.fields.iter().find(missing) {
        return Err(Failure::invalid(&field.name, format!("{} is missing", field.name)));
    }
    Ok(input)
}

/// The texts of each field that the line holds. Those given by place belong to the fields that are not given by name, in
/// order.
fn given<'a>(entry: &'a Entry, matches: &ArgMatches) -> Result<Vec<(&'a Field, Vec<String>)>, Failure> {
    let texts = |id: String| {
        matches
            .get_many::<String>(&id)
            .map(|texts| texts.cloned().collect::<Vec<_>>())
    };
    let by_place = |field: &Field| entry.positionals.contains(&field.name.as_str());
    let mut placed: VecDeque<String> = positionals(entry)
        .filter_map(|field| texts(field_id(field)))
        .flatten()
        .collect();
    let mut given = Vec::new();
    for field in positionals(entry) {
        if let Some(named) = texts(named_id(field)) {
            given.push((field, named));
        } else if takes_words(entry, field) && !placed.is_empty() {
            given.push((field, placed.drain(..).collect()));
        } else if let Some(text) = placed.pop_front() {
            given.push((field, vec![text]));
        }
    }
    if let Some(over) = placed.front() {
        return Err(Failure::invalid(
            "arguments",
            format!("there is no field for {over:?}: those by place are given by name"),
        ));
    }
    let flags = entry.fields.iter().filter(|field| !by_place(field));
    given.extend(flags.filter_map(|field| Some((field, texts(field_id(field))?))));
    Ok(given)
}

/// Reads a field's value from a file: a secret without the line's end that editors put behind it, content that is no text as
/// base64.
fn read_field(field: &Field, path: &str, input: &mut Map<String, Value>) -> Result<(), Failure> {
    let bytes = match path {
        "-" => read_bytes(FILE, io::stdin(), LONGEST_INPUT)?,
        path => read_bytes(FILE, open(FILE, path)?, LONGEST_INPUT)?,
    };
    let value = match String::from_utf8(bytes) {
        Ok(text) if field.secret => text
            .strip_suffix('\n')
            .map_or(text.as_str(), |text| text.trim_end_matches('\r'))
            .into(),
        Ok(text) => Value::from(text),
        Err(_) if field.name != CONTENT => return Err(Failure::invalid(FILE, "file must hold UTF-8 text")),
        Err(binary) => {
            input.insert(ENCODING.to_owned(), "base64".into());
            BASE64_STANDARD.encode(binary.as_bytes()).into()
        }
    };
    input.insert(field.name.clone(), value);
    Ok(())
}

/// Where a file shall go.
pub fn output<'a>(entry: &Entry, matches: &'a ArgMatches) -> Option<&'a str> {
    // Only operations that answer with files have this flag, and clap refuses to look up what is not declared.
    let named = entry.declaration.bytes.then(|| matches.get_one::<String>(OUTPUT));
    named.flatten().map(String::as_str)
}

/// What the command line says beside the input.
///
/// # Errors
/// `invalid_input` naming the option.
pub fn options(entry: &Entry, matches: &ArgMatches) -> Result<Options, Failure> {
    let mut options = Options::default();
    for option in CallOption::of(entry) {
        match option.value {
            OptionValue::Text(_, _, place) => *place(&mut options) = matches.get_one(option.flag).cloned(),
            OptionValue::Switch(place) => *place(&mut options) = matches.get_flag(option.flag),
            OptionValue::Time(place) => *place(&mut options) = matches.get_one(option.flag).copied(),
            OptionValue::Word(..) | OptionValue::Labelled(_) => {
                let given = matches.get_many::<String>(option.flag).into_iter().flatten();
                let texts: Vec<String> = given.cloned().collect();
                if !texts.is_empty() {
                    let read = option.read(&texts, &mut options);
                    read.map_err(|failure| owned_by(entry, option, failure))?;
                }
            }
        }
    }
    Ok(options)
}

/// The refusal of an option where the input has a field of its name, which may be meant.
fn owned_by(entry: &Entry, option: &CallOption, failure: Failure) -> Failure {
    match entry.field(option.name) {
        Some(field) => failure.also(&format!(
            "{} has {} of its own: --{}",
            entry.name(),
            field.name,
            long(field)
        )),
        None => failure,
    }
}

/// Reads at most `longest` bytes of text.
///
/// # Errors
/// `invalid_input` naming `field`; the text itself is never quoted.
pub fn read_bounded(field: &str, from: impl Read, longest: u64) -> Result<String, Failure> {
    let bytes = read_bytes(field, from, longest)?;
    // The library's words hold what it could not read.
    String::from_utf8(bytes)
        .map_err(|_| Failure::invalid(field, format!("{field} cannot be read: it is not UTF-8 text")))
}

/// Reads at most `longest` bytes.
///
/// # Errors
/// `invalid_input` naming `field`.
pub fn read_bytes(field: &str, from: impl Read, longest: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = from.take(longest + 1).read_to_end(&mut bytes);
    let read = read.map_err(|error| Failure::invalid(field, format!("{field} cannot be read: {error}")))?;
    if read as u64 > longest {
        return Err(Failure::invalid(
            field,
            format!("{field} is longer than {longest} bytes"),
        ));
    }
    Ok(bytes)
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
        Err(error) => {
            let sentence = format!("input is not JSON: {}", wording::unread(&error.to_string()));
            Err(Failure::invalid("input", sentence))
        }
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
    fn what_has_a_place_may_be_named_and_what_is_not_named_keeps_its_order() {
        let file = json!({"repo": "a/b", "path": "x.md", "ref": "main"});
        for line in [
            "mosaic git file get a/b x.md --ref main",
            "mosaic git file get --repo a/b --path x.md --ref main",
            "mosaic git file get --ref main x.md --repo a/b",
            "mosaic git file get --path x.md a/b --ref main",
        ] {
            assert_eq!(parse(line).unwrap(), file, "{line}");
        }
        assert_eq!(
            parse("mosaic ai chat complete --model m how are you").unwrap(),
            json!({"model": "m", "prompt": "how are you"})
        );
        for (line, field) in [
            ("mosaic git file get --repo a/b", "path"),
            ("mosaic git file get --repo a/b --path x.md y.md", "arguments"),
        ] {
            assert_eq!(parse(line).unwrap_err().field.as_deref(), Some(field), "{line}");
        }
    }

    #[test]
    fn content_and_secrets_come_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let put = "mosaic git file put a/b x --file ";
        let text = parse(&format!("{put}{}", file("text", b"one\n"))).unwrap();
        assert_eq!(text, json!({"repo": "a/b", "path": "x", "content": "one\n"}));
        let binary = parse(&format!("{put}{}", file("binary", b"\xff\x00"))).unwrap();
        assert_eq!(
            (&binary["content"], &binary["encoding"]),
            (&json!("/wA="), &json!("base64"))
        );
        let secret = "mosaic cicd secret put NAME --project a/b --file ";
        let secret = parse(&format!("{secret}{}", file("secret", b"s3cret\r\n"))).unwrap();
        assert_eq!(secret["value"], "s3cret");
        let failure = parse(&format!("{put}/no/such/file")).unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("file"));
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
