//! The catalogue's schemas as clients of the protocol take them, and as models read them.
//!
//! Invariant: what a schema says of values stays as it was: only words about them are left out.

use std::borrow::Cow;

use rmcp::model::JsonObject;
use serde_json::Value;

use crate::catalogue::find;

/// Formats of JSON Schema; others are of generators for one language, and strict clients do not know them.
const FORMATS: [&str; 8] = ["date-time", "date", "time", "duration", "email", "uri", "uuid", "regex"];
/// Members whose members are schemas by names of their own.
const NAMED: [&str; 3] = ["properties", "patternProperties", "$defs"];
/// Members that are values, and no schemas.
const VALUES: [&str; 4] = ["enum", "const", "default", "examples"];

/// A tool's name: some clients take letters, digits, `_` and `-` only.
pub(super) fn name_of(operation: &str) -> String {
    operation.replace('.', "_")
}

/// A schema without the dialect, which is the protocol's own, without the name of its type, and without what is said to other
/// surfaces alone; operations are called by their tools' names.
pub(super) fn bare(schema: &Value) -> JsonObject {
    let mut schema = schema.clone();
    visit(&mut schema, &mut |fields| {
        fields.retain(|name, value| {
            let odd = name == "format" && value.as_str().is_some_and(|format| !FORMATS.contains(&format));
            !odd && !name.starts_with("x-") && name != "$schema"
        });
        if let Some(Value::String(words)) = fields.get_mut("description") {
            *words = in_tools(words).into_owned();
        }
    });
    let mut fields = match schema {
        Value::Object(fields) => fields,
        _ => JsonObject::new(),
    };
    fields.shift_remove("title");
    fields
}

/// Does something to every schema within one, itself among them.
fn visit(schema: &mut Value, work: &mut impl FnMut(&mut JsonObject)) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| visit(schema, work)),
        Value::Object(fields) => {
            work(fields);
            for (name, value) in fields {
                match (value, &**name) {
                    (Value::Object(named), name) if NAMED.contains(&name) => {
                        named.values_mut().for_each(|schema| visit(schema, work));
                    }
                    (_, name) if VALUES.contains(&name) => {}
                    (value, _) => visit(value, work),
                }
            }
        }
        _ => {}
    }
}

/// Leaves out what is said of fields that are more than `levels` within others: their names say enough to whoever has the
/// value before it, and words cost whoever reads all schemas.
pub(super) fn sparing(schema: &mut Value, levels: usize) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| sparing(schema, levels)),
        Value::Object(fields) => {
            if levels == 0 && fields.get("description").is_some_and(Value::is_string) {
                fields.shift_remove("description");
            }
            for (name, value) in fields {
                match (value, &**name) {
                    (Value::Object(named), name) if NAMED.contains(&name) => {
                        let within = levels.saturating_sub(1);
                        named.values_mut().for_each(|schema| sparing(schema, within));
                    }
                    (_, name) if VALUES.contains(&name) => {}
                    (value, _) => sparing(value, levels),
                }
            }
        }
        _ => {}
    }
}

/// Words in which operations are called as tools are.
pub(super) fn in_tools(words: &str) -> Cow<'_, str> {
    if !words.contains('`') {
        return Cow::Borrowed(words);
    }
    let pieces = words
        .split('`')
        .enumerate()
        .map(|(at, piece)| match at % 2 == 1 && find(piece).is_some() {
            true => name_of(piece),
            false => piece.to_owned(),
        });
    Cow::Owned(pieces.collect::<Vec<_>>().join("`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_stay_and_words_for_others_go() {
        let schema = json!({
            "$schema": "s", "title": "T", "type": "object", "x-column": true,
            "description": "As `git.repo.get` and `build.yml` say.",
            "properties": {
                "format": { "type": "integer", "format": "uint64", "minimum": 0 },
                "x-own": { "type": "string", "format": "date-time", "default": { "x-kept": 1 } },
                "title": { "anyOf": [{ "type": "string", "x-column": {} }] },
            },
        });
        let expected = json!({
            "type": "object",
            "description": "As `git_repo_get` and `build.yml` say.",
            "properties": {
                "format": { "type": "integer", "minimum": 0 },
                "x-own": { "type": "string", "format": "date-time", "default": { "x-kept": 1 } },
                "title": { "anyOf": [{ "type": "string" }] },
            },
        });
        assert_eq!(Value::Object(bare(&schema)), expected);
    }

    #[test]
    fn words_far_within_go_and_fields_of_that_name_stay() {
        let field = json!({ "description": "d", "properties": { "description": { "description": "far" } } });
        let mut schema = json!({ "description": "top", "properties": { "field": field } });
        sparing(&mut schema, 1);
        let field = json!({ "properties": { "description": {} } });
        assert_eq!(
            schema,
            json!({ "description": "top", "properties": { "field": field } })
        );
    }
}
