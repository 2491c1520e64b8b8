//! The OpenAPI 3.1 document of the admin listener, made from its tables of routes.
//!
//! Invariant: nothing of a route is written here by hand.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::table::{Answer, Parameter, Row, Takes};
use crate::surfaces::decision;
use crate::surfaces::openapi::{by_status, error_responses, problem_schemas, request_id_header};

/// The document.
pub fn document() -> Value {
    of(&super::rows())
}

pub(super) fn of(rows: &[Row]) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for row in rows {
        let path = paths.entry(&row.path).or_default();
        path.insert(row.method.to_owned(), operation(row));
    }
    let mut tags: Vec<&str> = rows.iter().map(tag).collect();
    tags.sort_unstable();
    tags.dedup();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "MosAIc, for those who run it",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Views of a running gateway, and orders to it. Each order has a reason and is recorded; with \
                            dry_run=true it only tells what it would touch.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, {}],
        "tags": tags.into_iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": error_responses(),
            "headers": { "X-Request-Id": request_id_header() },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "Where an admin token is configured." },
            },
        },
    })
}

/// The first word of a path behind what all have in common.
fn tag(row: &Row) -> &str {
    let path = row.path.strip_prefix(super::API).unwrap_or(&row.path);
    match path.trim_start_matches('/').split('/').next() {
        None | Some("") => "index",
        Some(word) => word,
    }
}

/// The method and the path's words, so that it is as unique as they are.
fn operation_id(row: &Row) -> String {
    let path = row.path.strip_prefix(super::API).unwrap_or(&row.path);
    let words = path.split(['/', '-', '.']).filter(|word| !word.is_empty());
    let words: Vec<String> = words
        .map(
            |word| match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
                Some(name) => format!("by_{name}"),
                None => word.to_owned(),
            },
        )
        .collect();
    let verb = if row.method == "post" { "order" } else { "show" };
    match words.is_empty() {
        true => format!("{verb}_index"),
        false => format!("{verb}_{}", words.join("_")),
    }
}

fn operation(row: &Row) -> Value {
    let in_path = row.placeholders().map(
        |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } }),
    );
    let parameters: Vec<Value> = in_path.chain(row.query.iter().map(parameter)).collect();
    let mut operation = json!({
        "operationId": operation_id(row),
        "tags": [tag(row)],
        "summary": row.summary,
        "parameters": parameters,
        "responses": responses(row),
    });
    if let Some(schema) = &row.body {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    if !row.path.starts_with(super::API) {
        operation["security"] = json!([{}]);
    }
    operation
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.takes {
        Takes::UpTo(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::Text => json!({ "type": "string", "minLength": 1 }),
    };
    json!({ "name": parameter.name, "in": "query", "description": parameter.about, "schema": schema })
}

fn responses(row: &Row) -> Value {
    let (media_type, schema) = match row.answer {
        Answer::Json => ("application/json", shown(row)),
        Answer::Done => ("application/json", json!({ "$ref": "#/components/schemas/Done" })),
        Answer::Events => ("text/event-stream", json!({ "type": "string" })),
        Answer::Text => ("text/plain", json!({ "type": "string" })),
        Answer::Script => ("text/javascript", json!({ "type": "string" })),
        Answer::Page => ("text/html", json!({ "type": "string" })),
    };
    let mut responses = json!({
        "200": { "description": row.summary, "content": { media_type: { "schema": schema } } },
    });
    if row.path.starts_with(super::API) {
        for status in by_status().keys() {
            responses[status.to_string()] = json!({ "$ref": format!("#/components/responses/Error{status}") });
        }
    }
    responses
}

fn shown(row: &Row) -> Value {
    let known = row
        .schema
        .map(|name| json!({ "$ref": format!("#/components/schemas/{name}") }));
    known.unwrap_or_else(|| json!({ "type": "object" }))
}

fn schemas() -> BTreeMap<String, Value> {
    let own = [
        ("Done".to_owned(), done_schema()),
        ("Touches".to_owned(), touches_schema()),
        ("Plugins".to_owned(), plugins_schema()),
        ("Plugin".to_owned(), plugin_schema()),
        ("RateLimit".to_owned(), rate_limit_schema()),
    ];
    let common = problem_schemas().into_iter().chain(decision::schemas());
    common.chain(own).collect()
}

fn done_schema() -> Value {
    let touches = || json!({ "$ref": "#/components/schemas/Touches" });
    json!({
        "type": "object",
        "description": "What an order did; of a dry run, what it would touch.",
        "properties": {
            "done": { "type": "string", "description": "The order, as the audit names it." },
            "target": { "type": "string" },
            "touched": touches(),
            "audited": { "type": "boolean", "description": "It is in the audit, begun and ended." },
            "dry_run": { "const": true },
            "action": { "type": "string", "description": "The order that would be carried out." },
            "touches": touches(),
        },
    })
}

fn touches_schema() -> Value {
    let texts = |about: &str| json!({ "type": "array", "items": { "type": "string" }, "description": about });
    json!({
        "type": "object",
        "required": ["actors", "plugins", "calls_in_flight"],
        "properties": {
            "actors": texts("Paths in the tree."),
            "more_actors": { "type": "integer", "description": "How many more there are." },
            "plugins": texts("Names of instances."),
            "calls_in_flight": { "type": "integer" },
            "notes": texts("What else is to be known."),
        },
    })
}

fn plugins_schema() -> Value {
    json!({
        "type": "object",
        "required": ["plugins"],
        "properties": {
            "plugins": { "type": "array", "items": { "$ref": "#/components/schemas/Plugin" } },
            "unusable": { "type": "object", "description": "Kept instances that cannot be used, and why." },
        },
    })
}

fn plugin_schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "description": "A provider instance. Its configuration, health and traffic are three fields, and none is inferred \
                        from another.",
        "required": ["name", "kind", "life", "config", "health", "traffic", "rate_limits", "operations"],
        "properties": {
            "name": { "type": "string" },
            "kind": text("The kind of its driver."),
            "life": text("Where it is in its life."),
            "config": { "type": "object" },
            "health": { "type": "object" },
            "traffic": { "type": "object" },
            "rate_limits": {
                "type": "array",
                "description": "What its provider said of its limits on the credential. Instances with one credential share \
                                them.",
                "items": { "$ref": "#/components/schemas/RateLimit" },
            },
            "operations": { "type": "array", "items": { "type": "string" }, "description": "What it can do." },
        },
    })
}

fn rate_limit_schema() -> Value {
    let number = |about: &str| json!({ "type": "integer", "minimum": 0, "description": about });
    let time = |about: &str| json!({ "type": "string", "format": "date-time", "description": about });
    json!({
        "type": "object",
        "description": "One of a provider's limits, as it was last told; what was not told is absent.",
        "required": ["resource", "seen_unix_ms", "seen"],
        "properties": {
            "resource": { "type": "string", "description": "What is limited, in the provider's word." },
            "limit": number("What is granted in a window."),
            "remaining": number("What is left of it; absent once that window has passed."),
            "used": number("What was taken of it, likewise."),
            "reset_unix_ms": number("When the next window begins, or began."),
            "reset": time("The same."),
            "seen_unix_ms": number("When the provider said so."),
            "seen": time("The same."),
        },
    })
}
