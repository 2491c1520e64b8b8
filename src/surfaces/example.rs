//! Examples of what a document describes, made from its schemas.
//!
//! Invariant: an example is valid against its schema; it has what it must, and of the rest what makes it speak.

use serde_json::{Map, Value, json};

use crate::catalogue::sample::{SPEAKING, word};

/// Deeper, a value is the simplest that there is.
const DEEPEST: usize = 10;

/// What examples are made from.
#[derive(Clone, Copy)]
pub(super) struct Examples<'d> {
    /// The document, or as much of it as references lead to.
    pub(super) document: &'d Value,
}

impl Examples<'_> {
    /// An example of a schema, of something of this name.
    pub(super) fn of(self, schema: &Value, name: &str) -> Value {
        self.value(schema, name, 0)
    }

    fn value(self, schema: &Value, name: &str, depth: usize) -> Value {
        let schema = self.resolved(schema);
        for known in ["const", "example"] {
            if let Some(value) = schema.get(known) {
                return value.clone();
            }
        }
        if let Some(first) = schema["enum"].as_array().and_then(|words| words.first()) {
            return first.clone();
        }
        for union in ["oneOf", "anyOf"] {
            if let Some(first) = schema[union].as_array().and_then(|all| all.first()) {
                let mut value = self.value(first, name, depth + 1);
                // What stands beside the alternatives holds of each.
                if let (Value::Object(fields), Some(_)) = (&mut value, schema.get("properties")) {
                    fields.extend(self.fields(schema, depth));
                }
                return value;
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let each = parts.iter().map(|part| self.value(part, name, depth + 1));
            let fields = each.filter_map(|part| part.as_object().cloned()).flatten();
            return Value::Object(fields.collect());
        }
        let number = schema["minimum"].as_f64().unwrap_or(1.0).max(1.0);
        match type_of(schema) {
            "string" => text(schema, name).into(),
            "integer" => json!(number as i64),
            "number" => json!(number),
            "boolean" => json!(false),
            "array" if depth < DEEPEST && schema.get("items").is_some() => {
                json!([self.value(&schema["items"], name, depth + 1)])
            }
            "array" => json!([]),
            "object" if depth < DEEPEST => Value::Object(self.fields(schema, depth)),
            "object" => json!({}),
            "null" => Value::Null,
            _ => json!({}),
        }
    }

    fn fields(self, schema: &Value, depth: usize) -> Map<String, Value> {
        let required = schema["required"].as_array();
        let is_required = |name: &String| required.is_some_and(|names| names.iter().any(|one| one == name));
        let properties = schema["properties"].as_object().into_iter().flatten();
        let wanted = properties.filter(|(name, _)| is_required(name) || SPEAKING.contains(&name.as_str()));
        wanted
            .map(|(name, field)| (name.clone(), self.value(field, called(name, schema), depth + 1)))
            .collect()
    }

    fn resolved<'a>(self, schema: &'a Value) -> &'a Value
    where
        Self: 'a,
    {
        let pointer = schema["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.document.pointer(pointer))
            .unwrap_or(schema)
    }
}

/// What a field is called among words: a path beside an owner is a repository's, and an id says of what it is.
fn called<'n>(name: &'n str, schema: &Value) -> &'n str {
    let has = |other: &str| schema["properties"].get(other).is_some();
    match name {
        "path" if has("owner") => "repo",
        "id" if has("owner") && has("path") => "repo_id",
        "id" if has("number") && has("title") => "numbered_id",
        name => name,
    }
}

/// Its type; of several, the first that is something.
fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(word) => word,
        Value::Array(words) => words
            .iter()
            .filter_map(Value::as_str)
            .find(|word| *word != "null")
            .unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ => "",
    }
}

fn text(schema: &Value, name: &str) -> String {
    let mut text = match (schema["format"].as_str(), word(name)) {
        (Some("date-time"), _) => "2026-01-02T03:04:05Z",
        (Some("uri-reference"), _) => "/docs/errors/not_found",
        (_, Some(word)) => word,
        _ if name.ends_with("_at") || name == "time" => "2026-01-02T03:04:05Z",
        _ if name.ends_with("url") => "https://example.com/acme/api",
        _ => name,
    }
    .to_owned();
    let least = schema["minLength"]
        .as_u64()
        .and_then(|least| usize::try_from(least).ok());
    while text.chars().count() < least.unwrap_or_default() {
        text.push('x');
    }
    let most = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok());
    text.chars().take(most.unwrap_or(usize::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_what_it_must_and_speaks() {
        let document = json!({ "components": { "schemas": {
            "Word": { "type": "string", "enum": ["open", "closed"] },
            "Node": { "type": "object", "required": ["next"], "properties": { "next": { "$ref": "#/components/schemas/Node" } } },
        } } });
        let examples = Examples { document: &document };
        let schema = json!({
            "type": "object",
            "required": ["repo", "state", "count", "rows", "kind"],
            "properties": {
                "repo": { "type": "string" },
                "title": { "type": "string" },
                "left_out": { "type": "string" },
                "state": { "$ref": "#/components/schemas/Word" },
                "count": { "type": "integer", "minimum": 3 },
                "rows": { "type": "array", "items": { "type": ["null", "string"], "maxLength": 2 } },
                "kind": { "oneOf": [{ "const": "a" }, { "const": "b" }] },
            },
        });
        assert_eq!(
            examples.of(&schema, ""),
            json!({ "repo": "acme/api", "title": "Mend the gate", "state": "open", "count": 3, "rows": ["ro"], "kind": "a" })
        );
        // What is of a repository is told as one's.
        let field = json!({ "type": "string" });
        let repo = json!({ "type": "object", "required": ["id", "path", "owner"],
            "properties": { "id": field, "path": field, "owner": field } });
        let told = json!({ "id": "forge-a~acme/api", "path": "acme/api", "owner": "acme" });
        assert_eq!(examples.of(&repo, ""), told);
        // One without an end has one.
        let node = json!({ "$ref": "#/components/schemas/Node" });
        assert!(examples.of(&node, "").to_string().len() < 200);
    }
}
