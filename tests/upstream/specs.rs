//! The providers' published descriptions, where they are at hand.
//!
//! Invariant: a missing description is said aloud, and fails under CI; it never passes for a check that was made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::yaml;

/// The folder of the descriptions; none where it is absent and that may be.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MOSAIC_SPECS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the providers' descriptions are required under CI: {} is absent",
        folder.display()
    );
    eprintln!("CONTRACT CHECKS NOT RUN: {} is absent", folder.display());
    None
}

/// Reads one description, of JSON or YAML.
pub fn read(folder: &Path, file: &str) -> Value {
    let text = std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    match file.ends_with(".yml") {
        true => yaml::read(&text),
        false => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}")),
    }
}

/// Follows a `$ref`, if it is one.
pub fn resolve<'a>(spec: &'a Value, node: &'a Value) -> &'a Value {
    match node.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("a local reference");
            resolve(
                spec,
                spec.pointer(pointer)
                    .unwrap_or_else(|| panic!("{reference} leads nowhere")),
            )
        }
        None => node,
    }
}

/// The operation that serves a request: the path with the fewest placeholders that fits.
pub fn operation<'a>(spec: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    described(spec, method, path).map(|(_, operation)| operation)
}

/// The same with its path, as it is described.
pub fn described<'a>(spec: &'a Value, method: &str, path: &str) -> Option<(&'a str, &'a Value)> {
    let method = method.to_ascii_lowercase();
    spec["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .filter(|(template, item)| item.get(&method).is_some() && fits(template, path))
        // Of a path that is described with a query of its own as well, the plain one.
        .min_by_key(|(template, _)| (template.matches('{').count(), template.contains('?')))
        .map(|(template, item)| (template.as_str(), &item[&method]))
}

/// Whether a path fits a template. A placeholder takes one part; one of a path or a reference at the end takes all that
/// are left.
pub fn fits(template: &str, path: &str) -> bool {
    let (template, _) = template.split_once('?').unwrap_or((template, ""));
    let references = template.ends_with("/git/refs/{ref}");
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some("{path}" | "{filepath}" | "{repo_full_name}"), Some(_)) => return true,
            (Some("{ref}"), Some(_)) if references => return true,
            (Some(part), Some(_)) if part.starts_with('{') => {}
            (Some(part), Some(given)) if part == given => {}
            _ => return false,
        }
    }
}

/// The names of an operation's query parameters.
pub fn query_names(spec: &Value, operation: &Value) -> BTreeSet<String> {
    in_query(spec, operation, |_| true)
}

/// The names of those that every request must have.
pub fn required_in_query(spec: &Value, operation: &Value) -> BTreeSet<String> {
    in_query(spec, operation, |parameter| parameter["required"] == true)
}

fn in_query(spec: &Value, operation: &Value, wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters
        .into_iter()
        .flatten()
        .map(|parameter| resolve(spec, parameter))
        .filter(|parameter| parameter["in"] == "query" && wanted(parameter))
        .map(|parameter| parameter["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// The names of the fields of an operation's JSON body.
pub fn body_names(spec: &Value, operation: &Value) -> BTreeSet<String> {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    // Swagger 2.0 takes the body for a parameter.
    let in_body = parameters
        .into_iter()
        .flatten()
        .find(|parameter| parameter["in"] == "body");
    let schema = in_body.and_then(|parameter| parameter.get("schema"));
    let schema = schema.or_else(|| operation.pointer("/requestBody/content/application~1json/schema"));
    schema.map(|schema| property_names(spec, schema)).unwrap_or_default()
}

fn property_names(spec: &Value, schema: &Value) -> BTreeSet<String> {
    let schema = resolve(spec, schema);
    let own = schema.get("properties").and_then(Value::as_object);
    let parts = ["allOf", "anyOf", "oneOf"]
        .into_iter()
        .filter_map(|name| schema.get(name)?.as_array());
    own.into_iter()
        .flat_map(|properties| properties.keys().cloned())
        .chain(parts.flatten().flat_map(|part| property_names(spec, part)))
        .collect()
}

/// The properties of an object's schema that may be absent, and those that may be null.
pub fn optional(spec: &Value, schema: &Value) -> (Vec<String>, Vec<String>) {
    let parts = parts(spec, schema);
    let required = parts.iter().filter_map(|part| part.get("required")?.as_array());
    let required: Vec<&str> = required.flatten().filter_map(Value::as_str).collect();
    let properties = || {
        parts
            .iter()
            .filter_map(|part| part.get("properties")?.as_object())
            .flatten()
    };
    assert!(properties().next().is_some(), "properties");
    let absent = properties().filter(|(name, _)| !required.contains(&name.as_str()));
    let null = properties().filter(|(_, property)| may_be_null(resolve(spec, property)));
    (
        absent.map(|(name, _)| name.clone()).collect(),
        null.map(|(name, _)| name.clone()).collect(),
    )
}

/// The schemas that one consists of: all that it is, or it alone.
fn parts<'a>(spec: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolve(spec, schema);
    match schema.get("allOf").and_then(Value::as_array) {
        Some(all) => all.iter().flat_map(|part| parts(spec, part)).collect(),
        None => vec![schema],
    }
}

/// OpenAPI 3.0 says `nullable`, 3.1 names the type `null`.
fn may_be_null(schema: &Value) -> bool {
    let any_of = schema.get("anyOf").and_then(Value::as_array);
    schema["nullable"] == true || any_of.into_iter().flatten().any(|part| part["type"] == "null")
}

/// Whether a value meets a schema of a Swagger 2.0 description, see [`swagger_faults`].
pub fn meets_swagger(spec: &Value, schema: &Value, value: &Value) -> bool {
    swagger_faults(spec, schema, value).is_empty()
}

/// Asserts the same, and tells where it does not.
pub fn assert_swagger(spec: &Value, schema: &Value, value: &Value, what: &str) {
    let faults = swagger_faults(spec, schema, value);
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

/// Where a value does not meet a schema. Descriptions made from Go types require nothing and allow everything, so two
/// things are added: a field that is not named is a fault, and any field may be null, as Go writes what is absent.
fn swagger_faults(spec: &Value, schema: &Value, value: &Value) -> Vec<String> {
    assert!(schema.is_object(), "no schema");
    let mut document = strict(schema);
    let definitions = spec["definitions"].as_object().expect("definitions");
    document["definitions"] = definitions
        .iter()
        .map(|(name, schema)| (name.clone(), strict(schema)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let validator = jsonschema::validator_for(&document).expect("a schema");
    let errors = validator.iter_errors(value);
    errors
        .map(|error| format!("{error} at {}", error.instance_path))
        .collect()
}

fn strict(schema: &Value) -> Value {
    let mut strict = schema.clone();
    if let Some(items) = schema.get("items") {
        strict["items"] = self::strict(items);
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let or_null = |(name, property): (&String, &Value)| {
            let either = serde_json::json!({"anyOf": [self::strict(property), {"type": "null"}]});
            (name.clone(), either)
        };
        strict["properties"] = properties.iter().map(or_null).collect::<serde_json::Map<_, _>>().into();
        strict["additionalProperties"] = false.into();
    }
    strict
}
