//! What of a document is printed: `--json FIELDS` and `--jq EXPRESSION`.
//!
//! Invariant: a name that an operation's answer cannot have is refused before anything is asked.

use std::sync::Arc;

use clap::ArgMatches;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value};

use super::jq::{Filter, JQ};
use crate::catalogue::{Entry, find};
use crate::wording::nearest;

/// The flag.
pub const JSON: &str = "json";
/// The rows of a page.
const ITEMS: &str = "items";

/// The most words of an operation's name.
const LONGEST_NAME: usize = 4;

/// What is wanted of a document.
#[derive(Debug)]
pub struct Selection {
    /// Paths of names; none for all.
    fields: Vec<String>,
    filter: Option<Filter>,
}

impl Selection {
    /// What the flags say; `None` where they want all of it. `entry`: the operation whose answers it will be of.
    ///
    /// # Errors
    /// `invalid_input` on the flag at fault.
    pub fn of(flags: &ArgMatches, entry: Option<&Entry>) -> Result<Option<Arc<Self>>, Failure> {
        let named = flags.get_one::<String>(JSON).filter(|text| !text.is_empty());
        let fields: Vec<String> = named
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::to_owned)
            .collect();
        let expression = flags.get_one::<String>(JQ);
        if fields.iter().any(String::is_empty) {
            return Err(Failure::invalid(
                JSON,
                "--json takes names with a comma between two of them",
            ));
        }
        if let Some(entry) = entry {
            fields.iter().try_for_each(|field| known(field, entry))?;
        }
        let filter = expression.map(|text| Filter::new(text)).transpose()?;
        let wanted = !fields.is_empty() || filter.is_some();
        Ok(wanted.then(|| Arc::new(Selection { fields, filter })))
    }

    /// The text of what is wanted of a document; empty where that is nothing.
    ///
    /// # Errors
    /// `upstream_failed` where it is no JSON; what the expression fails with.
    pub fn apply(&self, document: &[u8]) -> Result<String, Failure> {
        let picked = match self.fields[..] {
            [] => None,
            _ => {
                let parsed: Value = serde_json::from_slice(document)
                    .map_err(|error| Failure::new(Kind::UpstreamFailed, "the answer is not JSON").because(error))?;
                Some(self.picked(parsed).to_string())
            }
        };
        match (&self.filter, picked) {
            (Some(filter), Some(picked)) => filter.run(picked.as_bytes()),
            (Some(filter), None) => filter.run(document),
            (None, picked) => Ok(picked.unwrap_or_default() + "\n"),
        }
    }

    /// Of a page its rows with the fields, and what says how it goes on; of any other object the fields.
    fn picked(&self, document: Value) -> Value {
        match document {
            Value::Array(rows) => rows.into_iter().map(|row| self.picked(row)).collect(),
            Value::Object(mut page) if page.get(ITEMS).is_some_and(Value::is_array) => {
                if let Some(Value::Array(rows)) = page.get_mut(ITEMS) {
                    rows.iter_mut().for_each(|row| *row = self.row(row));
                }
                Value::Object(page)
            }
            other => self.row(&other),
        }
    }

    fn row(&self, row: &Value) -> Value {
        let mut picked = Map::new();
        for field in &self.fields {
            let value = field.split('.').try_fold(row, |row, name| row.get(name));
            picked.insert(field.clone(), value.cloned().unwrap_or(Value::Null));
        }
        picked.into()
    }
}

/// The names that the rows of an operation's answer may have; none where its schema tells of none.
pub fn names(entry: &Entry) -> Vec<&str> {
    let schema = entry.output_schema.as_value();
    let row = match entry.declaration.facts.list {
        true => schema.pointer("/properties/items/items").unwrap_or(schema),
        false => schema,
    };
    let properties = row.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

fn known(field: &str, entry: &Entry) -> Result<(), Failure> {
    let names = names(entry);
    let first = field.split('.').next().unwrap_or_default();
    if names.is_empty() || names.contains(&first) {
        return Ok(());
    }
    let meant = nearest(first, names.iter().copied());
    let hint = meant.map_or(".".to_owned(), |name| format!("; did you mean {name}?"));
    let sentence = format!(
        "{} answers with no '{first}'{hint} Its answer has: {}",
        entry.name(),
        names.join(", ")
    );
    Err(Failure::invalid(JSON, sentence))
}

/// The line with `--json FIELDS` as one word, where the next word names what the operation on the line answers with. Any other
/// word behind `--json` is what it would be without it.
pub fn joined(args: Vec<std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let flag = format!("--{JSON}");
    let texts: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap_or_default()).collect();
    let place = texts
        .iter()
        .take_while(|text| **text != "--")
        .position(|text| *text == flag);
    let Some((place, names)) = place.and_then(|place| Some((place, *texts.get(place + 1)?))) else {
        return args;
    };
    let is_meant = operation(&texts).is_some_and(|entry| {
        let known = self::names(entry);
        names
            .split(',')
            .any(|name| known.contains(&name.split('.').next().unwrap_or(name)))
    });
    if !is_meant {
        return args;
    }
    let word = format!("{flag}={names}");
    let mut args = args;
    args.splice(place..place + 2, [word.into()]);
    args
}

/// The operation that a line names, as far as that is to be seen before it is parsed: the first words that are one.
pub fn operation(texts: &[&str]) -> Option<&'static Entry> {
    let words: Vec<String> = texts.iter().map(|text| text.replace('-', "_")).collect();
    let runs = (1..words.len())
        .flat_map(|begin| (begin + 1..=words.len().min(begin + LONGEST_NAME)).map(move |end| (begin, end)));
    runs.filter(|(begin, end)| !words[*begin..*end].iter().any(|word| word.is_empty()))
        .find_map(|(begin, end)| find(&words[begin..end].join(".")))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use serde_json::json;

    use super::*;

    fn selection(fields: &[&str]) -> Selection {
        Selection {
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
            filter: None,
        }
    }

    #[test]
    fn rows_keep_the_fields_and_a_page_what_says_how_it_goes_on() {
        let page = json!({"items": [{"name": "a", "owner": {"login": "ada"}, "id": 1}, {"id": 2}], "next_cursor": "c"});
        let told = selection(&["name", "owner.login"]).picked(page);
        let rows = json!([{"name": "a", "owner.login": "ada"}, {"name": null, "owner.login": null}]);
        assert_eq!(told, json!({"items": rows, "next_cursor": "c"}));
        assert_eq!(selection(&["a"]).picked(json!({"b": 1, "a": 2})), json!({"a": 2}));
        assert!(selection(&["a"]).apply(b"<html>").is_err());
    }

    #[test]
    fn a_word_behind_the_flag_is_fields_only_where_the_operation_has_them() {
        let line = |text: &str| {
            let args = text.split(' ').map(OsString::from).collect();
            let joined: Vec<String> = joined(args).into_iter().map(|arg| arg.into_string().unwrap()).collect();
            joined.join(" ")
        };
        for (given, wanted) in [
            (
                "mosaic git repo get a/b --json name,default_branch",
                "mosaic git repo get a/b --json=name,default_branch",
            ),
            (
                "mosaic git repo list --json name --all",
                "mosaic git repo list --json=name --all",
            ),
            (
                "mosaic --profile work git repo list --json name",
                "mosaic --profile work git repo list --json=name",
            ),
            ("mosaic git repo get --json a/b", "mosaic git repo get --json a/b"),
            ("mosaic --json git repo get a/b", "mosaic --json git repo get a/b"),
            ("mosaic tree --json name", "mosaic tree --json name"),
            ("mosaic git repo get a/b --json", "mosaic git repo get a/b --json"),
            (
                "mosaic git repo get -- --json name",
                "mosaic git repo get -- --json name",
            ),
        ] {
            assert_eq!(line(given), wanted);
        }
    }

    #[test]
    fn a_name_that_no_answer_has_is_refused_with_the_nearest() {
        let entry = find("git.repo.get").expect("an operation");
        assert!(known("name", entry).is_ok());
        assert_eq!(known("owner.login", entry).is_ok(), names(entry).contains(&"owner"));
        let why = known("defualt_branch", entry).expect_err("no such field");
        assert!(
            why.message().contains("did you mean default_branch?"),
            "{}",
            why.message()
        );
    }
}
