//! The OpenAPI 3.1 document of the REST surface, made from the catalogue.
//!
//! Invariant: every operation of the catalogue is in the document exactly once, with the parameters that its route
//! takes; nothing of an operation is written here by hand.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::problem::{self, MEDIA_TYPE};
use super::rest::routes::placeholders;
use crate::catalogue::entry::Field;
use crate::catalogue::{Catalogue, Entry};
use crate::dispatch::options::{CallOption, OPTIONS, OptionValue};
use crate::failures::codes;

/// The document of a catalogue.
pub fn document(catalogue: &Catalogue) -> Value {
    let mut schemas = Schemas::default();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for entry in catalogue.iter() {
        let declaration = entry.declaration;
        let path = paths.entry(format!("/v1{}", declaration.path)).or_default();
        let method = declaration.method.as_str().to_ascii_lowercase();
        path.insert(method, operation(entry, &mut schemas));
    }
    for (path, id, summary) in META {
        paths
            .entry((*path).to_owned())
            .or_default()
            .insert("get".to_owned(), meta(id, summary));
    }
    schemas.0.insert("Problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "MosAIc",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One API for Git forges, CI servers, documentation, trackers and AI models. A path parameter \
                            may hold slashes, raw or percent-encoded.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "apiKey": [] }],
        "tags": tags(catalogue),
        "paths": paths,
        "components": {
            "schemas": schemas.0,
            "parameters": common_parameters(),
            "responses": error_responses(),
            "headers": headers(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "apiKey": { "type": "apiKey", "in": "header", "name": "X-Api-Key" },
            },
        },
    })
}

const META: &[(&str, &str, &str)] = &[
    (
        "/v1/operations",
        "meta.operations",
        "List the operations of this gateway",
    ),
    (
        "/v1/capabilities",
        "meta.capabilities",
        "Show which instance can do which operation",
    ),
];

/// Schemas by name, each once.
#[derive(Default)]
struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Files a schema under its title, or under the operation's name where another schema has that title.
    fn reference(&mut self, entry: &Entry, role: &str, mut schema: Value) -> Value {
        let title = schema.as_object_mut().and_then(|fields| fields.remove("title"));
        let mut name = match title.as_ref().and_then(Value::as_str) {
            Some(title) => title.replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            None => format!("{}.{role}", entry.name()),
        };
        if self.0.get(&name).is_some_and(|other| *other != schema) {
            name = format!("{}.{role}", entry.name());
        }
        let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
        self.0.insert(name, schema);
        reference
    }
}

fn operation(entry: &Entry, schemas: &mut Schemas) -> Value {
    let declaration = entry.declaration;
    let facts = &declaration.facts;
    let mut operation = json!({
        "operationId": facts.name,
        "tags": [facts.service],
        "summary": declaration.summary,
        "parameters": parameters(entry),
        "responses": responses(entry, schemas),
    });
    if declaration.upload {
        // What kind of file it is, its Content-Type says; its name, a Content-Disposition may.
        operation["requestBody"] = json!({
            "description": "The file", "required": true, "content": { "*/*": {} },
        });
    } else if declaration.method.has_body() {
        let schema = schemas.reference(entry, "input", body_schema(entry));
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

fn parameters(entry: &Entry) -> Vec<Value> {
    let in_path: Vec<&str> = placeholders(entry.declaration.path).collect();
    let path_fields = in_path.iter().filter_map(|name| entry.field(name));
    let mut parameters: Vec<Value> = path_fields.map(|field| parameter(entry, field, "path")).collect();
    if entry.declaration.input_in_query() {
        let in_query = entry
            .fields
            .iter()
            .filter(|field| !in_path.contains(&field.name.as_str()));
        parameters.extend(in_query.map(|field| parameter(entry, field, "query")));
    }
    let options = CallOption::of(entry).map(|option| option.name);
    parameters.extend(options.map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
    parameters
}

fn parameter(entry: &Entry, field: &Field, place: &str) -> Value {
    let declared = entry
        .input_schema
        .as_value()
        .pointer("/properties")
        .and_then(|all| all.get(&field.name));
    let mut schema = declared.cloned().unwrap_or_else(|| json!({}));
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("description");
        // A parameter that is absent is left out, never `null`.
        if fields.get("default") == Some(&Value::Null) {
            fields.remove("default");
        }
        if let Some(Value::Array(kinds)) = fields.get("type") {
            let kinds: Vec<Value> = kinds.iter().filter(|kind| *kind != "null").cloned().collect();
            let kind = if let [kind] = &kinds[..] {
                kind.clone()
            } else {
                Value::from(kinds)
            };
            fields.insert("type".to_owned(), kind);
        }
    }
    json!({
        "name": field.name,
        "in": place,
        "required": place == "path" || field.required,
        "description": field.description,
        "schema": schema,
    })
}

/// The input without what the path gives.
fn body_schema(entry: &Entry) -> Value {
    let mut schema = entry.input_schema.as_value().clone();
    let in_path: Vec<&str> = placeholders(entry.declaration.path).collect();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| !in_path.contains(&name.as_str()));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !in_path.iter().any(|taken| name == taken));
    }
    schema
}

fn responses(entry: &Entry, schemas: &mut Schemas) -> Value {
    let mut output = || schemas.reference(entry, "output", entry.output_schema.as_value().clone());
    let (media_type, content, description) = if entry.declaration.bytes {
        // What kind of file it is, its Content-Type says.
        ("*/*", json!({}), "The file")
    } else if entry.declaration.facts.streaming {
        // OpenAPI 3.1 cannot say "a sequence of"; the extension names the schema of each event's data.
        (
            "text/event-stream",
            json!({ "schema": { "type": "string" }, "x-event-data": output() }),
            "Events whose data is JSON; the last one is `done`, or `error` with a problem",
        )
    } else {
        ("application/json", json!({ "schema": output() }), "The answer")
    };
    let mut responses = json!({
        "200": { "description": description, "headers": header_references(), "content": { media_type: content } },
    });
    for status in by_status().keys() {
        responses[status.to_string()] = json!({ "$ref": format!("#/components/responses/Error{status}") });
    }
    responses
}

fn meta(id: &str, summary: &str) -> Value {
    let content = json!({ "application/json": { "schema": { "type": "object" } } });
    json!({
        "operationId": id,
        "tags": ["meta"],
        "summary": summary,
        "responses": {
            "200": { "description": "The answer", "content": content },
            "401": { "$ref": "#/components/responses/Error401" },
        },
    })
}

fn tags(catalogue: &Catalogue) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for service in catalogue.iter().map(|entry| entry.declaration.facts.service) {
        if !names.contains(&service) {
            names.push(service);
        }
    }
    names.push("meta");
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn common_parameters() -> Map<String, Value> {
    let rows = OPTIONS.iter().map(|option| {
        let schema = match option.value {
            OptionValue::Switch(_) => json!({ "type": "boolean" }),
            OptionValue::Time(_) => json!({ "type": "integer", "minimum": 1 }),
            OptionValue::Text(_, None, _) => json!({ "type": "string" }),
            OptionValue::Text(_, Some(longest), _) => json!({ "type": "string", "minLength": 1, "maxLength": longest }),
        };
        let parameter = json!({
            "name": option.header.unwrap_or(option.name),
            "in": if option.header.is_some() { "header" } else { "query" },
            "description": option.description,
            "schema": schema,
        });
        (option.name.to_owned(), parameter)
    });
    rows.collect()
}

/// The codes of each status.
pub(crate) fn by_status() -> BTreeMap<u16, Vec<&'static str>> {
    let mut grouped: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for row in codes() {
        grouped.entry(row.status.as_u16()).or_default().push(row.code);
    }
    // A conflict of idempotency keys is told apart by its status; see `problem::status`.
    grouped.entry(422).or_default().push("conflict");
    grouped
}

pub(crate) fn error_responses() -> Map<String, Value> {
    by_status()
        .into_iter()
        .map(|(status, codes)| {
            let response = json!({
                "description": codes.iter().map(|code| problem::title(code)).collect::<Vec<_>>().join("; "),
                "headers": { "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" } },
                "content": { MEDIA_TYPE: { "schema": { "allOf": [
                    { "$ref": "#/components/schemas/Problem" },
                    { "properties": { "code": { "enum": codes }, "status": { "const": status } } },
                ] } } },
            });
            (format!("Error{status}"), response)
        })
        .collect()
}

pub(crate) fn problem_schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "RFC 9457 problem details.",
        "required": ["type", "title", "status", "detail", "instance", "code", "source", "retryable", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "Where the code is explained." },
            "title": text("The code, for people."),
            "status": { "type": "integer", "description": "The HTTP status." },
            "detail": text("What went wrong this time."),
            "instance": { "type": "string", "format": "uri-reference", "description": "The request id." },
            "code": { "type": "string", "enum": codes().map(|row| row.code).collect::<Vec<_>>() },
            "source": { "type": "string", "enum": ["caller", "gateway", "provider"] },
            "retryable": { "type": "boolean", "description": "Whether trying again, unchanged, can help." },
            "retry_after_ms": { "type": "integer", "minimum": 0 },
            "provider": text("The provider instance that was asked last."),
            "field": text("The field or parameter at fault."),
            "request_id": text("Finds the request in logs and records."),
        },
    })
}

const REQUEST_ID: (&str, &str) = ("X-Request-Id", "The request's id.");
const HEADERS: &[(&str, &str)] = &[
    REQUEST_ID,
    ("X-Mosaic-Provider", "The instance that answered."),
    (
        "X-Mosaic-Attempts",
        "How many attempts the answer took; 0 where none was needed.",
    ),
    ("Cache-Status", "Whether the answer came from cache (RFC 9211)."),
];

fn headers() -> Map<String, Value> {
    HEADERS
        .iter()
        .map(|(name, description)| ((*name).to_owned(), header(description)))
        .collect()
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}

/// The header that every response of ours has.
pub(crate) fn request_id_header() -> Value {
    header(REQUEST_ID.1)
}

fn header_references() -> Map<String, Value> {
    HEADERS
        .iter()
        .map(|(name, _)| {
            let reference = json!({ "$ref": format!("#/components/headers/{name}") });
            ((*name).to_owned(), reference)
        })
        .collect()
}
