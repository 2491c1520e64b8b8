//! The providers' published descriptions, where they are at hand.
//!
//! Invariant: a missing description is said aloud, and fails under CI; it never passes for a check that was made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

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

/// Reads one description.
pub fn read(folder: &Path, file: &str) -> Value {
    let bytes = std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"))
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
    let method = method.to_ascii_lowercase();
    spec["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .filter(|(template, item)| item.get(&method).is_some() && fits(template, path))
        .min_by_key(|(template, _)| template.matches('{').count())
        .map(|(_, item)| &item[&method])
}

/// Whether a path fits a template. A placeholder takes one part; that of a file's path, at the end, all that are left.
fn fits(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some("{path}" | "{filepath}"), Some(_)) => return true,
            (Some(part), Some(_)) if part.starts_with('{') => {}
            (Some(part), Some(given)) if part == given => {}
            _ => return false,
        }
    }
}

/// The names of an operation's query parameters.
pub fn query_names(spec: &Value, operation: &Value) -> BTreeSet<String> {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters
        .into_iter()
        .flatten()
        .map(|parameter| resolve(spec, parameter))
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// The names of the fields of an operation's JSON body.
pub fn body_names(spec: &Value, operation: &Value) -> BTreeSet<String> {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    // OpenAPI 3 sets the body apart; Swagger 2 has it among the parameters.
    let schema = operation
        .pointer("/requestBody/content/application~1json/schema")
        .or_else(|| parameters?.iter().find(|one| one["in"] == "body")?.get("schema"));
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
    let schema = resolve(spec, schema);
    let required = schema.get("required").and_then(Value::as_array);
    let required: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().expect("properties");
    let absent = properties.keys().filter(|name| !required.contains(&name.as_str()));
    let null = properties
        .iter()
        .filter(|(_, property)| may_be_null(resolve(spec, property)));
    (absent.cloned().collect(), null.map(|(name, _)| name.clone()).collect())
}

/// OpenAPI 3.0 says `nullable`, 3.1 names the type `null`.
fn may_be_null(schema: &Value) -> bool {
    let any_of = schema.get("anyOf").and_then(Value::as_array);
    schema["nullable"] == true || any_of.into_iter().flatten().any(|part| part["type"] == "null")
}
