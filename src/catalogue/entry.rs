//! A row of the catalogue with its types erased.
//!
//! Invariant: what surfaces know of an operation's types they read here; nothing is said of them twice.

use std::borrow::Cow;

use mosaic_actors::call::{AnyValue, Resource};
use mosaic_actors::error::Failure;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::cursor::{CursorKey, Query};
use super::op::{Declaration, Op};
use super::prepare::{Prepared, prepare, query_of};
use super::schema;
use crate::wording::list;

/// A row of the catalogue.
pub struct Entry {
    /// What is declared.
    pub declaration: &'static Declaration,
    /// The input's fields, for surfaces that take them one by one.
    pub fields: Vec<Field>,
    /// Fields taken by position on the command line, in order.
    pub positionals: Vec<&'static str>,
    /// The JSON Schema of the input, self-contained.
    pub input_schema: Schema,
    /// The JSON Schema of the output, or of one event of a stream, self-contained.
    pub output_schema: Schema,
    /// The same two by the names of their types, for documents that hold every type once.
    pub named: NamedSchemas,
    prepare: fn(Value, bool, &CursorKey) -> Result<Prepared, Failure>,
    query: fn(&AnyValue) -> Result<Query, Failure>,
    owned: fn(&AnyValue) -> Vec<Resource>,
}

/// Describes an operation's types to a generator that keeps what they refer to.
#[derive(Clone, Copy)]
pub struct NamedSchemas {
    /// The name of the input's type.
    pub input_name: fn() -> Cow<'static, str>,
    /// The input itself; only what is within it is referred to.
    pub input: fn(&mut SchemaGenerator) -> Schema,
    /// A reference to the output, or to one event of a stream.
    pub output: fn(&mut SchemaGenerator) -> Schema,
}

/// One field of an input.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name in JSON.
    pub name: String,
    /// What it holds.
    pub shape: Shape,
    /// It has no default.
    pub required: bool,
    /// One sentence.
    pub description: String,
    /// The words allowed, where they are few.
    pub choices: Vec<String>,
    /// What single words stand for where JSON is wanted: the words of its only choice.
    pub bare: Vec<(String, Value)>,
    /// What it must be, for whoever wrote something else where JSON is wanted.
    pub wanted: String,
    /// Nobody may read it where it is written.
    pub secret: bool,
}

/// What a field holds, as far as a text surface must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text, taken as it is.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Several texts.
    TextList,
    /// Anything else, written as JSON.
    Json,
}

impl Entry {
    /// Erases the types of `O`.
    pub fn of<O: Op>() -> Self {
        let input_schema = schema::whole::<O::Input>();
        Entry {
            declaration: O::DECLARATION,
            positionals: O::DECLARATION.positionals().collect(),
            fields: fields_of(&input_schema),
            input_schema,
            output_schema: schema::whole::<O::Output>(),
            named: NamedSchemas {
                input_name: O::Input::schema_name,
                input: O::Input::json_schema,
                output: SchemaGenerator::subschema_for::<O::Output>,
            },
            prepare: prepare::<O>,
            query: query_of::<O>,
            owned: |input| input.downcast_ref().map(O::owned).unwrap_or_default(),
        }
    }

    /// Parses and checks an input.
    ///
    /// # Errors
    /// `invalid_input` that names the field.
    pub fn prepare(&self, input: Value, include_raw: bool, cursors: &CursorKey) -> Result<Prepared, Failure> {
        (self.prepare)(input, include_raw, cursors)
    }

    /// What the cursors of a list belong to that is asked with this input of [`Entry::prepare`].
    ///
    /// # Errors
    /// `internal` where it is the input of another operation.
    pub fn query(&self, input: &AnyValue) -> Result<Query, Failure> {
        (self.query)(input)
    }

    /// What this input of [`Entry::prepare`] names that a provider keeps by an id for whoever brought it.
    pub fn owned(&self, input: &AnyValue) -> Vec<Resource> {
        (self.owned)(input)
    }

    /// The operation's full name.
    pub fn name(&self) -> &'static str {
        self.declaration.facts.name
    }

    /// The field called `name`.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// Turns the texts given for this field (a query parameter, a flag) into JSON.
    ///
    /// # Errors
    /// `invalid_input` naming the field.
    pub fn parse(&self, texts: &[String]) -> Result<Value, Failure> {
        let wrong = |what: &str| Failure::invalid(&self.name, format!("{} must be {what}", self.name));
        if self.shape == Shape::TextList {
            return Ok(Value::from(texts.to_vec()));
        }
        let [text] = texts else {
            return Err(wrong("given once"));
        };
        match self.shape {
            Shape::Text | Shape::TextList => Ok(Value::from(text.as_str())),
            Shape::Integer => text
                .parse::<i64>()
                .map(Value::from)
                .map_err(|_| match self.name == "seconds" {
                    true => wrong("a whole number, without a unit"),
                    false => wrong("a whole number"),
                }),
            Shape::Number => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::from(number)),
                _ => Err(wrong("a number")),
            },
            Shape::Boolean => text
                .parse::<bool>()
                .map(Value::from)
                .map_err(|_| wrong("true or false")),
            Shape::Json => {
                let bare = || self.bare.iter().find(|(word, _)| word == text.trim());
                match serde_json::from_str(text) {
                    Ok(value) => Ok(value),
                    Err(_) => bare()
                        .map(|(_, value)| value.clone())
                        .ok_or_else(|| wrong(&self.wanted)),
                }
            }
        }
    }
}

fn fields_of(schema: &Schema) -> Vec<Field> {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    properties
        .iter()
        .map(|(name, property)| Field {
            name: name.clone(),
            shape: shape_of(property),
            required: required.contains(&name.as_str()),
            description: description_of(property).to_owned(),
            choices: choices_of(property),
            bare: bare_of(property),
            wanted: wanted_of(property),
            secret: property.get("format").and_then(Value::as_str) == Some("password"),
        })
        .collect()
}

/// The first paragraph; what each word of a choice means may stand below it.
fn description_of(property: &Value) -> &str {
    let whole = property.get("description").and_then(Value::as_str).unwrap_or_default();
    whole.split("\n\n").next().unwrap_or_default()
}

fn shape_of(property: &Value) -> Shape {
    let kinds: Vec<&str> = match property.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    match kinds.into_iter().find(|kind| *kind != "null") {
        Some("string") => Shape::Text,
        Some("integer") => Shape::Integer,
        Some("number") => Shape::Number,
        Some("boolean") => Shape::Boolean,
        Some("array") if property.pointer("/items/type").and_then(Value::as_str) == Some("string") => Shape::TextList,
        _ => Shape::Json,
    }
}

fn choices_of(property: &Value) -> Vec<String> {
    let words = property.get("enum").and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The words that are enough to say all of a value: those that it may be itself, or those of the only choice in it.
fn bare_of(property: &Value) -> Vec<(String, Value)> {
    let alternatives = ["anyOf", "oneOf"]
        .iter()
        .filter_map(|name| property.get(*name)?.as_array());
    let own = alternatives
        .flatten()
        .flat_map(choices_of)
        .map(|word| (word.clone(), Value::from(word)));
    let fields = property.get("properties").and_then(Value::as_object);
    let mut choices = fields
        .into_iter()
        .flatten()
        .filter(|(_, field)| !choices_of(field).is_empty());
    let within = match (choices.next(), choices.next()) {
        (Some((name, field)), None) => {
            let said = |word: String| (word.clone(), Value::from(Map::from_iter([(name.clone(), word.into())])));
            choices_of(field).into_iter().map(said).collect()
        }
        _ => Vec::new(),
    };
    let needs_more = property
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.len() > 1);
    own.chain(within.into_iter().filter(|_| !needs_more)).collect()
}

/// What a value that is written as JSON must be.
fn wanted_of(property: &Value) -> String {
    let names: Vec<&str> = match property.get("properties").and_then(Value::as_object) {
        Some(fields) => fields.keys().map(String::as_str).collect(),
        None => Vec::new(),
    };
    let words: Vec<String> = bare_of(property).into_iter().map(|(word, _)| word).collect();
    let json = match property.get("type").and_then(Value::as_str) {
        Some("array") => "a JSON list".to_owned(),
        Some("object") if !names.is_empty() => format!("a JSON object of {}", list(&names, "and")),
        Some("object") => "a JSON object".to_owned(),
        _ => "JSON".to_owned(),
    };
    match words[..] {
        [] => json,
        _ => format!("{json}, or one of {}", list(&words, "and")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OPERATIONS, find};
    use super::*;
    use serde_json::json;

    fn prepare(name: &str, input: Value) -> Result<Prepared, Failure> {
        find(name)
            .expect("the operation exists")
            .prepare(input, false, &CursorKey::random())
    }

    #[test]
    fn wrong_inputs_name_their_field() {
        let field = |name, input| {
            prepare(name, input)
                .err()
                .expect("refused")
                .field
                .expect("a field")
                .to_string()
        };
        assert_eq!(field("git.repo.get", json!({})), "repo");
        assert_eq!(field("git.repo.get", json!({"repo": "a/b", "colour": 1})), "colour");
        assert_eq!(field("git.repo.get", json!({"repo": ""})), "repo");
        assert_eq!(field("git.branch.list", json!({"repo": "a/b", "limit": 101})), "limit");
        assert_eq!(field("git.branch.list", json!({"repo": "a/b", "limit": "x"})), "limit");
        assert_eq!(field("git.file.get", json!({"repo": "a/b", "path": "../x"})), "path");
        // What providers know things by has no white space at its ends.
        assert_eq!(field("git.file.get", json!({"repo": "a/b", "path": "x "})), "path");
        assert_eq!(field("git.repo.get", json!({"repo": " a/b"})), "repo");
        assert_eq!(field("projects.issue.list", json!({"project": "a/b "})), "project");
        assert_eq!(field("docs.page.get", json!({"page": "docs~ 7"})), "page");
        assert_eq!(
            field("cicd.run.list", json!({"project": "a/b", "branch": "main\t"})),
            "branch"
        );
        assert_eq!(
            field(
                "projects.issue.create",
                json!({"project": "a/b", "title": "t", "assignees": ["kim "]})
            ),
            "assignees[0]"
        );
        assert_eq!(
            field("projects.issue.list", json!({"project": "a/b", "state": "odd"})),
            "state"
        );
        assert_eq!(field("ai.chat.complete", json!({"model": "m"})), "messages");
        assert_eq!(
            field(
                "ai.chat.complete",
                json!({"model": "m", "messages": [{"role": "user", "content": 3}]})
            ),
            "messages[0].content"
        );
        assert_eq!(
            field("git.branch.list", json!({"repo": "a/b", "cursor": "forged"})),
            "cursor"
        );
    }

    #[test]
    fn equal_requests_have_equal_keys() {
        let key = |input| prepare("git.branch.list", input).unwrap().request_key.unwrap();
        assert_eq!(
            key(json!({"repo": "a/b", "limit": 5})),
            key(json!({"limit": 5, "repo": "a/b"}))
        );
        assert_ne!(
            key(json!({"repo": "a/b", "limit": 5})),
            key(json!({"repo": "a/b", "limit": 6}))
        );
        assert!(
            prepare("projects.issue.create", json!({"project": "a/b", "title": "t"}))
                .unwrap()
                .request_key
                .is_none()
        );
    }

    #[test]
    fn every_placeholder_and_positional_is_a_field() {
        for entry in OPERATIONS.iter() {
            let declaration = entry.declaration;
            for part in declaration.path.split('{').skip(1) {
                let name = part.split('}').next().expect("a closed brace");
                assert!(
                    entry.field(name).is_some_and(|field| field.required),
                    "{} {name}",
                    entry.name()
                );
            }
            for name in declaration.positionals() {
                assert!(entry.field(name).is_some(), "{} {name}", entry.name());
            }
        }
        let list = find("projects.issue.list").expect("declared");
        assert_eq!(list.field("state").expect("a field").choices, ["open", "closed", "all"]);
        assert_eq!(list.field("labels").expect("a field").shape, Shape::TextList);
        assert_eq!(list.field("limit").expect("a field").shape, Shape::Integer);
    }

    #[test]
    fn a_word_is_enough_where_it_says_all_and_what_is_no_json_is_told_what_it_should_be() {
        let field = |name: &str| {
            find("ai.chat.complete")
                .expect("declared")
                .field(name)
                .expect("a field")
        };
        let parse = |name: &str, text: &str| field(name).parse(&[text.to_owned()]);
        assert_eq!(parse("reasoning", "high").expect("read"), json!({"effort": "high"}));
        assert_eq!(
            parse("reasoning", r#"{"budget_tokens": 9}"#).expect("read"),
            json!({"budget_tokens": 9})
        );
        let told = parse("reasoning", "hgih").expect_err("refused");
        assert!(
            told.message()
                .starts_with("reasoning must be a JSON object of effort and budget_tokens, or one of none"),
            "{told}"
        );
        let told = parse("messages", "hello").expect_err("refused");
        assert_eq!(told.message(), "messages must be a JSON list");
    }
}
