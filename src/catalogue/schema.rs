//! How the types of inputs and outputs describe themselves, in the form that programs which write programs understand.
//!
//! Invariant: a choice of words is one plain `enum`, and a field that may be left out is never `null`.

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// A type as one schema that stands for itself.
pub fn whole<T: JsonSchema>() -> Schema {
    let settings = settings().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>()
}

/// Describes types that refer to each other by name; `path` is where their definitions will stand.
pub fn named(path: &'static str) -> SchemaGenerator {
    settings()
        .with(|settings| settings.definitions_path = path.into())
        .into_generator()
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.meta_schema = None)
        .with_transform(plain)
}

/// Brings a schema, and all within it, into its plain form.
pub fn plain(schema: &mut Schema) {
    transform_subschemas(&mut plain, schema);
    if let Some(fields) = schema.as_object_mut() {
        join_words(fields);
        drop_nulls(fields);
    }
}

/// Makes one `enum` of the alternatives that are each a word; what each word means goes into the description.
fn join_words(fields: &mut Map<String, Value>) {
    let Some(alternatives) = fields.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let Some(words) = alternatives.iter().map(words_of).collect::<Option<Vec<_>>>() else {
        return;
    };
    let mut description: Vec<String> = Vec::new();
    description.extend(fields.get("description").and_then(Value::as_str).map(str::to_owned));
    let meanings = alternatives.iter().zip(&words).filter_map(|(alternative, words)| {
        let meaning = alternative.get("description")?.as_str()?;
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        Some(format!("- {}: {}", words.join(", "), meaning.replace('\n', " ")))
    });
    description.push(meanings.collect::<Vec<_>>().join("\n"));
    let words: Vec<String> = words.into_iter().flatten().collect();
    fields.remove("oneOf");
    fields.insert("type".to_owned(), json!("string"));
    fields.insert("enum".to_owned(), Value::from(words));
    fields.insert("description".to_owned(), description.join("\n\n").trim_end().into());
}

/// The words that an alternative consists of, where it consists of words.
fn words_of(alternative: &Value) -> Option<Vec<String>> {
    if let Some(word) = alternative.get("const") {
        return Some(vec![word.as_str()?.to_owned()]);
    }
    let words = alternative.get("enum")?.as_array()?.iter();
    words.map(|word| word.as_str().map(str::to_owned)).collect()
}

fn drop_nulls(fields: &mut Map<String, Value>) {
    let required = fields.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| {
        let names = required.as_array();
        names.is_some_and(|names| names.iter().any(|required| required == name))
    };
    let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let optional = properties.iter_mut().filter(|(name, _)| !is_required(name));
    optional
        .filter_map(|(_, property)| property.as_object_mut())
        .for_each(drop_null);
}

fn drop_null(property: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = property.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &kinds[..] {
            let kind = kind.clone();
            property.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(words)) = property.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if property.get("default").is_some_and(Value::is_null) {
        property.remove("default");
    }
    let Some(Value::Array(alternatives)) = property.get_mut("anyOf") else {
        return;
    };
    alternatives.retain(|alternative| *alternative != json!({ "type": "null" }));
    if let [Value::Object(only)] = &mut alternatives[..] {
        let only = std::mem::take(only);
        property.remove("anyOf");
        // The field's own words win over its type's.
        for (key, value) in only {
            property.entry(key).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    /// Of what.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        /// As blood.
        Red,
        Blue,
        Grey,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Thing {
        first: Colour,
        /// Another one.
        second: Option<Colour>,
        count: Option<u8>,
        inner: Option<Box<Thing>>,
    }

    #[test]
    fn words_are_one_enum_and_absent_fields_are_not_null() {
        let colour = json!({
            "type": "string", "enum": ["blue", "grey", "red"], "description": "Of what.\n\n- `red`: As blood.",
        });
        let mut generator = named("/parts");
        generator.subschema_for::<Thing>();
        let parts = generator.take_definitions(true);
        assert_eq!(parts["Colour"], colour);
        let fields = &parts["Thing"]["properties"];
        assert_eq!(fields["first"], json!({ "$ref": "#/parts/Colour" }));
        assert_eq!(
            fields["second"],
            json!({ "$ref": "#/parts/Colour", "description": "Another one." })
        );
        assert_eq!(fields["inner"], json!({ "$ref": "#/parts/Thing" }));
        assert_eq!(fields["count"]["type"], "integer");
        assert_eq!(whole::<Option<Colour>>().as_value()["anyOf"][1]["type"], "null");
    }
}
