//! Operations as tools: name, words, schemas and hints, all from the catalogue.
//!
//! Invariant: a schema says what the surface takes and gives, no more and no less; a tool's answer, and its refusal, are both
//! of its output schema.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::argument;
use super::refusal;
use super::schemas::{bare, in_tools, name_of, sparing};
use crate::catalogue::Entry;

/// The member that is the provider's own JSON, which is there on request alone.
const RAW: &str = "raw";

/// An operation, and the tool that it is.
pub(super) struct Shaped {
    pub(super) entry: &'static Entry,
    pub(super) tool: Tool,
}

/// The tool of an operation.
pub(super) fn shaped(entry: &'static Entry) -> Shaped {
    let declaration = entry.declaration;
    let facts = &declaration.facts;
    let hints = ToolAnnotations::with_title(declaration.summary)
        .read_only(facts.safe)
        .destructive(facts.destructive)
        .idempotent(facts.idempotent)
        .open_world(true);
    let mut tool = Tool::new(
        name_of(entry.name()),
        description(entry),
        Arc::new(argument::schema(entry)),
    )
    .with_title(declaration.summary)
    .with_annotations(hints);
    tool.output_schema = output(entry).map(Arc::new);
    Shaped { entry, tool }
}

fn description(entry: &Entry) -> String {
    let declaration = entry.declaration;
    let facts = &declaration.facts;
    let mut sentences = vec![format!("{}.", declaration.summary.trim_end_matches('.'))];
    let answer = entry.output_schema.as_value();
    if facts.list {
        sentences.extend(fields(&answer["properties"]["items"]["items"]).map(|fields| format!("Rows have {fields}.")));
        sentences.push("One page at a time: `next_cursor` of an answer, as `cursor`, gives the next.".to_owned());
    } else if !declaration.bytes {
        let words = answer["description"]
            .as_str()
            .and_then(|words| words.split("\n\n").next());
        sentences.extend(words.map(|words| format!("Answers: {}", in_tools(&words.replace('\n', " ")))));
        sentences.extend(fields(answer).map(|fields| format!("It has {fields}.")));
    }
    if declaration.parts {
        sentences.push("In parts: `next_after` of an answer, as `after`, gives what follows.".to_owned());
    }
    if declaration.bytes {
        sentences.push("Answers with the file: its text, or its bytes where they are few.".to_owned());
    }
    if facts.streaming {
        sentences.push("Answers with the events that come within the call's time.".to_owned());
    }
    if facts.paid {
        sentences.push("Costs money.".to_owned());
    }
    if facts.destructive {
        sentences.push("Removes something.".to_owned());
    }
    sentences.join(" ")
}

/// The names of what an object has: most clients show models no schema of an answer.
fn fields(schema: &Value) -> Option<String> {
    let properties = schema["properties"].as_object()?;
    let names = properties.keys().map(String::as_str).filter(|name| *name != RAW);
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The schema of an answer, and of a refusal: some clients check both.
fn output(entry: &Entry) -> Option<JsonObject> {
    if entry.declaration.bytes {
        return None;
    }
    let mut answer = bare(entry.output_schema.as_value());
    let shared = answer.shift_remove("$defs");
    let mut answer = Value::Object(answer);
    sparing(&mut answer, if entry.declaration.facts.list { 3 } else { 2 });
    let answer = match entry.declaration.facts.streaming {
        true => json!({
            "type": "object",
            "required": ["events", "complete"],
            "properties": {
                "events": { "type": "array", "items": answer },
                "complete": { "type": "boolean", "description": "Whether the stream came to its end." },
            },
        }),
        false => answer,
    };
    let mut schema = Map::from_iter([("type".to_owned(), json!("object"))]);
    schema.extend(shared.map(|shared| ("$defs".to_owned(), shared)));
    schema.insert("anyOf".to_owned(), json!([answer, refusal::schema()]));
    Some(schema)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::catalogue::OPERATIONS;

    #[test]
    fn every_operation_is_a_tool_with_a_name_that_every_client_takes() {
        let mut names = HashSet::new();
        for entry in OPERATIONS.iter() {
            let tool = shaped(entry).tool;
            assert!((1..=64).contains(&tool.name.len()), "{}", tool.name);
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            assert!(tool.name.chars().all(fits), "{}", tool.name);
            assert!(names.insert(tool.name.to_string()), "{} is there twice", tool.name);
            assert_eq!(tool.input_schema["type"], "object", "{}", tool.name);
            let words = tool.description.expect("words");
            assert!(
                words.contains(entry.declaration.summary.trim_end_matches('.')),
                "{words}"
            );
        }
    }

    #[test]
    fn hints_follow_from_what_an_operation_does() {
        let hints = |name: &str| {
            let entry = crate::catalogue::find(name).expect("an operation");
            shaped(entry).tool.annotations.expect("hints")
        };
        let read = hints("git.repo.get");
        assert_eq!((read.read_only_hint, read.destructive_hint), (Some(true), Some(false)));
        let removal = hints("git.repo.delete");
        assert_eq!(
            (removal.read_only_hint, removal.destructive_hint),
            (Some(false), Some(true))
        );
        assert_eq!(hints("projects.issue.create").idempotent_hint, Some(false));
        assert_eq!(removal.idempotent_hint, Some(true));
    }

    #[test]
    fn a_model_is_told_what_there_is_to_know_in_the_words_of_tools() {
        let words = |name: &str| {
            shaped(crate::catalogue::find(name).expect("an operation"))
                .tool
                .description
        };
        let get = words("git.pr.get").expect("words");
        assert!(
            get.starts_with("Get a pull request. Answers: A pull request. It has id, number, title, "),
            "{get}"
        );
        let list = words("git.repo.list").expect("words");
        assert!(
            list.contains("Rows have id, ") && list.contains("`next_cursor`"),
            "{list}"
        );
        let has_raw = |words: &str| words.split([',', '.', ' ']).any(|word| word == RAW);
        assert!(!has_raw(&get) && !has_raw(&list));
        for entry in OPERATIONS.iter() {
            let tool = serde_json::to_string(&shaped(entry).tool).expect("JSON");
            for other in OPERATIONS.iter() {
                assert!(
                    !tool.contains(&format!("`{}`", other.name())),
                    "{} names {}",
                    entry.name(),
                    other.name()
                );
            }
            assert!(!tool.contains("\"x-") && !tool.contains("\"uint"), "{}", entry.name());
        }
    }

    #[test]
    fn references_of_a_schema_lead_to_what_stands_in_it() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        for entry in OPERATIONS.iter() {
            let tool = shaped(entry).tool;
            for schema in [Some(tool.input_schema), tool.output_schema].into_iter().flatten() {
                let whole = Value::Object((*schema).clone());
                let mut found = Vec::new();
                references(&whole, &mut found);
                for reference in found {
                    let target = whole.pointer(reference.trim_start_matches('#'));
                    assert!(target.is_some(), "{}: {reference}", entry.name());
                }
            }
        }
    }
}
