//! The OpenAPI 3.1 document of the REST surface, made from the catalogue.
//!
//! Invariant: every operation of the catalogue is in the document exactly once, with the parameters that its route
//! takes; nothing of an operation is written here by hand.

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::beside;
use super::decision;
use super::described;
use super::example::Examples;
use super::problem::{self, MEDIA_TYPE};
use super::rest::routes::placeholders;
use crate::catalogue::entry::Field;
use crate::catalogue::{Catalogue, Entry, schema};
use crate::dispatch::attributes::{LONGEST_NAME, LONGEST_VALUE, MOST_LABELS};
use crate::dispatch::options::{CallOption, OPTIONS, OptionValue};
use crate::failures::codes;

/// The document of a catalogue.
pub fn document(catalogue: &Catalogue) -> Value {
    of(&catalogue.iter().collect::<Vec<_>>())
}

/// The document of some operations.
pub(super) fn of(entries: &[&Entry]) -> Value {
    let mut schemas = Schemas::of(entries);
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for entry in entries {
        let declaration = entry.declaration;
        let path = paths.entry(format!("/v1{}", declaration.path)).or_default();
        let method = declaration.method.as_str().to_ascii_lowercase();
        path.insert(method, operation(entry, &mut schemas));
    }
    for (path, method, described) in beside::paths() {
        paths
            .entry(path.to_owned())
            .or_default()
            .insert(method.to_owned(), described);
    }
    let mut schemas = schemas.finish();
    schemas.extend(problem_schemas());
    schemas.extend(decision::schemas());
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "MosAIc",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One API for Git forges, CI servers, documentation, trackers and AI models. A path parameter \
                            may hold slashes, raw or percent-encoded. Beside it, /proxy/{instance}/… is that instance's \
                            own API, passed through; its vendor describes it. A request may be part of a trace by its \
                            `traceparent` (W3C Trace Context): the answer has one too, and a problem has its `trace_id`. \
                            Errors are problems (RFC 9457), explained at /docs/errors/{code}.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "apiKey": [] }],
        "tags": tags(entries),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": common_parameters().into_iter().chain(described::parameters()).collect::<Map<_, _>>(),
            "responses": described::responses(error_responses()),
            "headers": described::headers(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "apiKey": { "type": "apiKey", "in": "header", "name": "X-Api-Key" },
            },
        },
    });
    exemplify(&mut document);
    document
}

/// Gives all that has none an example: bodies, answers, and the parameters that must be there.
fn exemplify(document: &mut Value) {
    let mut paths = document["paths"].take();
    let examples = Examples { document: &*document };
    let operations = paths.as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in operations.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            if parameter["required"] == true && parameter.get("example").is_none() {
                let name = parameter["name"].as_str().unwrap_or_default();
                parameter["example"] = examples.of(&parameter["schema"], name);
            }
        }
        let answers = operation.get_mut("responses").and_then(Value::as_object_mut);
        for answer in answers.into_iter().flat_map(Map::values_mut) {
            let content = answer.get_mut("content").into_iter();
            content.for_each(|content| exemplify_content(content, examples));
        }
        let body = operation
            .get_mut("requestBody")
            .and_then(|body| body.get_mut("content"));
        body.into_iter()
            .for_each(|content| exemplify_content(content, examples));
    }
    document["paths"] = paths;
}

fn exemplify_content(content: &mut Value, examples: Examples<'_>) {
    for (media_type, content) in content.as_object_mut().into_iter().flatten() {
        if content.get("example").is_some() {
            continue;
        }
        match &**media_type {
            "application/json" => content["example"] = examples.of(&content["schema"], ""),
            "text/event-stream" if content.get("x-event-data").is_some() => {
                let event = examples.of(&content["x-event-data"], "");
                content["example"] = format!("id: 1\ndata: {event}\n\nevent: done\ndata: {{}}\n\n").into();
            }
            _ => {}
        }
    }
}

/// Where the schemas stand in the document.
const SCHEMAS: &str = "/components/schemas";

/// The types of all operations, each once and under its name.
struct Schemas {
    types: SchemaGenerator,
    bodies: BTreeMap<String, Value>,
}

impl Schemas {
    /// Takes down all types first, so that a body cannot take the name of one.
    fn of(entries: &[&Entry]) -> Self {
        let mut schemas = Schemas {
            types: schema::named(SCHEMAS),
            bodies: BTreeMap::new(),
        };
        for entry in entries {
            schemas.input(entry);
            if !entry.declaration.bytes {
                schemas.output(entry);
            }
        }
        schemas
    }

    /// The input of an operation, whose fields refer to types by name.
    fn input(&mut self, entry: &Entry) -> Value {
        let mut schema = (entry.named.input)(&mut self.types);
        schema::plain(&mut schema);
        schema.to_value()
    }

    fn output(&mut self, entry: &Entry) -> Value {
        (entry.named.output)(&mut self.types).to_value()
    }

    /// Files a body under its type's name, or under the operation's where another type or body has that name.
    fn body(&mut self, entry: &Entry, schema: Value) -> Value {
        let mut name = (entry.named.input_name)().into_owned();
        let is_other = |other: &Value| *other != schema;
        if self.types.definitions().contains_key(&name) || self.bodies.get(&name).is_some_and(is_other) {
            name = format!("{}.input", entry.name());
        }
        let reference = refer(&name);
        self.bodies.insert(name, schema);
        reference
    }

    fn finish(mut self) -> BTreeMap<String, Value> {
        let mut all: BTreeMap<String, Value> = self.types.take_definitions(true).into_iter().collect();
        all.extend(self.bodies);
        all.values_mut().for_each(leave_to_the_name);
        let unions: Vec<String> = all.keys().cloned().collect();
        unions.iter().for_each(|name| name_alternatives(&mut all, name));
        all
    }
}

fn refer(name: &str) -> Value {
    json!({ "$ref": format!("#{SCHEMAS}/{name}") })
}

/// Takes away what generators read as more than it is: a title as another name, a default as a field that is always
/// there.
fn leave_to_the_name(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    fields.remove("title");
    let properties = fields.get_mut("properties").and_then(Value::as_object_mut);
    let properties = properties.into_iter().flat_map(Map::values_mut);
    for property in properties.filter_map(Value::as_object_mut) {
        property.remove("default");
    }
}

/// Gives each alternative of a union that a word tells apart (`type`: `delta`) a name of its own: `ChatEventDelta`.
fn name_alternatives(all: &mut BTreeMap<String, Value>, union: &str) {
    let Some(alternatives) = all[union].get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let Some(tagged) = alternatives.iter().map(tag_of).collect::<Option<Vec<_>>>() else {
        return;
    };
    let named: Vec<(String, Value)> = tagged
        .iter()
        .zip(alternatives)
        .map(|((_, word), alternative)| (format!("{union}{}", capitalised(word)), alternative.clone()))
        .collect();
    let references: Vec<Value> = named.iter().map(|(name, _)| refer(name)).collect();
    let mapping: Map<String, Value> = tagged
        .iter()
        .zip(&references)
        .map(|((_, word), reference)| (word.clone(), reference["$ref"].clone()))
        .collect();
    let discriminator = json!({ "propertyName": tagged[0].0, "mapping": mapping });
    let schema = all.get_mut(union).expect("it was read above");
    schema["oneOf"] = Value::from(references);
    schema["discriminator"] = discriminator;
    all.extend(named);
}

/// The field and the word that tell an alternative apart.
fn tag_of(alternative: &Value) -> Option<(String, String)> {
    let mut properties = alternative.get("properties")?.as_object()?.iter();
    properties.find_map(|(name, property)| Some((name.clone(), property.get("const")?.as_str()?.to_owned())))
}

/// `run_started` as a part of a type's name: `RunStarted`.
fn capitalised(word: &str) -> String {
    let parts = word.split(|c: char| !c.is_ascii_alphanumeric());
    parts
        .map(|part| {
            let (first, rest) = part.split_at_checked(1).unwrap_or_default();
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

fn operation(entry: &Entry, schemas: &mut Schemas) -> Value {
    let declaration = entry.declaration;
    let facts = &declaration.facts;
    let input = schemas.input(entry);
    let mut operation = json!({
        "operationId": facts.name,
        "tags": [facts.service],
        "summary": declaration.summary,
        "parameters": parameters(entry, &input),
        "responses": responses(entry, schemas),
    });
    if declaration.upload {
        // What kind of file it is, its Content-Type says; its name, a Content-Disposition may.
        operation["requestBody"] = json!({
            "description": "The file", "required": true, "content": { "application/octet-stream": file() },
        });
    } else if declaration.method.has_body() {
        let schema = schemas.body(entry, body_schema(entry, input));
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

fn parameters(entry: &Entry, input: &Value) -> Vec<Value> {
    let in_path: Vec<&str> = placeholders(entry.declaration.path).collect();
    let path_fields = in_path.iter().filter_map(|name| entry.field(name));
    let mut parameters: Vec<Value> = path_fields.map(|field| parameter(input, field, "path")).collect();
    if entry.declaration.input_in_query() {
        let in_query = entry
            .fields
            .iter()
            .filter(|field| !in_path.contains(&field.name.as_str()));
        parameters.extend(in_query.map(|field| parameter(input, field, "query")));
    }
    let options = CallOption::of(entry).map(|option| option.name);
    let names = options.chain(described::of(entry));
    parameters.extend(names.map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
    parameters
}

fn parameter(input: &Value, field: &Field, place: &str) -> Value {
    let mut schema = input["properties"][&field.name].clone();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("description");
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
fn body_schema(entry: &Entry, mut schema: Value) -> Value {
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
    let mut output = || schemas.output(entry);
    let (content, description) = if entry.declaration.bytes {
        // What kind of file it is, its Content-Type says.
        (bytes(), "The file")
    } else if entry.declaration.facts.streaming {
        // OpenAPI 3.1 cannot say "a sequence of"; the extension names the schema of each event's data.
        let events = json!({ "schema": { "type": "string" }, "x-event-data": output() });
        (
            json!({ "text/event-stream": events }),
            "Events whose data is JSON; the last one is `done`, or `error` with a problem",
        )
    } else {
        (json!({ "application/json": { "schema": output() } }), "The answer")
    };
    let mut responses = json!({
        "200": { "description": description, "headers": described::of_answers(entry), "content": content },
    });
    if described::is_conditional(entry) {
        responses["304"] = json!({ "$ref": "#/components/responses/NotModified" });
    }
    for status in by_status().keys() {
        responses[status.to_string()] = json!({ "$ref": format!("#/components/responses/Error{status}") });
    }
    responses
}

/// Bytes of any media type; by the first of the two a generator knows that they are bytes.
fn bytes() -> Value {
    json!({ "application/octet-stream": file(), "*/*": {} })
}

/// Bytes, as generators of clients know them.
fn file() -> Value {
    json!({ "schema": { "type": "string", "format": "binary" } })
}

fn tags(entries: &[&Entry]) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for service in entries.iter().map(|entry| entry.declaration.facts.service) {
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
            OptionValue::Word(words, ..) => json!({ "type": "string", "enum": words }),
            // As one text: clients disagree on how a header carries a list.
            OptionValue::Labelled(_) => json!({ "type": "string", "pattern": labels() }),
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

/// What labels look like, as `attributes` reads them.
fn labels() -> String {
    let label = format!("[a-z0-9_-]{{1,{LONGEST_NAME}}}=[^,]{{0,{LONGEST_VALUE}}}");
    format!("^{label}(, *{label}){{0,{}}}$", MOST_LABELS - 1)
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
                "content": { MEDIA_TYPE: { "schema": refer(&format!("Problem{status}")), "example": example(status, codes[0]) } },
            });
            (format!("Error{status}"), response)
        })
        .collect()
}

/// A problem of a status and with a code of it.
fn example(status: u16, code: &str) -> Value {
    let found = codes().find(|row| row.code == code);
    let id = "0197a2f0-7c1e-7b3a-9d52-3c1f0e6f9a11";
    json!({
        "type": format!("{}{code}", problem::TYPES),
        "title": problem::title(code),
        "status": status,
        "detail": found.map_or("", |row| row.meaning),
        "instance": id,
        "code": code,
        "source": "gateway",
        "retryable": found.is_some_and(|row| row.retryable),
        "request_id": id,
    })
}

/// The shape of all problems, and that of each status.
pub(crate) fn problem_schemas() -> BTreeMap<String, Value> {
    let of_status = by_status().into_iter().map(|(status, codes)| {
        // Only the code is narrowed: generators cannot merge a number with one of its values.
        let fields = json!({ "code": { "type": "string", "enum": codes } });
        let schema = json!({ "allOf": [refer("Problem"), { "type": "object", "properties": fields }] });
        (format!("Problem{status}"), schema)
    });
    of_status.chain([("Problem".to_owned(), problem_schema())]).collect()
}

fn problem_schema() -> Value {
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
            "outcome": {
                "type": "string", "enum": ["unknown"],
                "description": "Of a write that failed: it may have been done all the same. Absent where that is known.",
            },
            "tried": {
                "type": "array",
                "description": "Where several attempts were made: who was asked in vain, in order.",
                "items": {
                    "type": "object", "required": ["provider", "code"],
                    "properties": { "provider": text("The provider instance."), "code": text("What that attempt failed with.") },
                },
            },
            "request_id": text("Finds the request in logs and records."),
            "trace_id": text("The trace that the request is part of, where it said that it is part of one (W3C Trace Context)."),
            "decision": { "type": "object", "description": "What was decided for the call, where it asked for that: a Decision." },
        },
    })
}

/// The header that every response of ours has.
pub(crate) fn request_id_header() -> Value {
    described::header("The request's id.")
}
