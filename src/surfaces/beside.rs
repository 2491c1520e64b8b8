//! What the OpenAPI document says of what is there beside the operations.
//!
//! Invariant: every path of the public surface that no operation has is described here, or is a page for people.

use serde_json::{Value, json};

use super::decision;
use crate::catalogue::event::Event;
use crate::catalogue::schema;

/// A path, a method, and what it does.
pub(super) fn paths() -> Vec<(&'static str, &'static str, Value)> {
    let operations = answer("meta.operations", "List the operations of this gateway");
    let capabilities = answer("meta.capabilities", "Show which instance can do which operation");
    vec![
        ("/v1/operations", "get", operations),
        ("/v1/capabilities", "get", capabilities),
        ("/v1/explain/{id}", "get", explained()),
        ("/v1/route", "post", unmade()),
        ("/v1/batch", "post", batch()),
        ("/v1/events", "get", events()),
        ("/webhooks/{instance}", "post", delivery(false)),
        ("/webhooks/{instance}/{secret}", "post", delivery(true)),
    ]
}

fn answer(id: &str, summary: &str) -> Value {
    let content = json!({ "application/json": { "schema": { "type": "object" } } });
    json!({
        "operationId": id,
        "tags": ["meta"],
        "summary": summary,
        "responses": {
            "200": { "description": "The answer", "content": content },
            "401": problem(401),
        },
    })
}

fn explained() -> Value {
    let example = json!({ "decisions": [decision::example()] });
    let schema = json!({ "$ref": "#/components/schemas/Decisions" });
    json!({
        "operationId": "meta.explain",
        "tags": ["meta"],
        "summary": "Show what was decided for the calls with a request id, and why; of the caller's own tenant alone",
        "parameters": [{
            "name": "id", "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 },
            "description": "The X-Request-Id of the answer.",
        }],
        "responses": {
            "200": {
                "description": "The records, the newest first",
                "content": { "application/json": { "schema": schema, "example": example } },
            },
            "401": problem(401),
            "403": problem(403),
            "404": problem(404),
        },
    })
}

fn unmade() -> Value {
    let object = |about: &str| json!({ "type": "object", "additionalProperties": true, "description": about });
    let schema = json!({
        "type": "object",
        "required": ["operation"],
        "properties": {
            "operation": { "type": "string", "description": "The operation's name, such as git.repo.get." },
            "input": object("Its input: all that its path, its query and its body would have."),
            "options": object("What would be said beside it, by the options' names: provider, priority, labels."),
        },
    });
    let asked = json!({ "operation": "git.repo.get", "input": { "repo": "acme/api" } });
    let mut answer = decision::example();
    for (name, value) in [("dry_run", json!(true)), ("attempts", json!([]))] {
        answer[name] = value;
    }
    let shown = json!({ "$ref": "#/components/schemas/Decision" });
    json!({
        "operationId": "meta.route",
        "tags": ["meta"],
        "summary": "Explain a call without making it: where it would go now, and what would refuse it",
        "requestBody": { "required": true, "content": { "application/json": { "schema": schema, "example": asked } } },
        "responses": {
            "200": {
                "description": "What would be decided",
                "content": { "application/json": { "schema": shown, "example": answer } },
            },
            "400": problem(400),
            "401": problem(401),
            "403": problem(403),
            "404": problem(404),
            "413": problem(413),
            "415": problem(415),
        },
    })
}

fn batch() -> Value {
    let object = |about: &str| json!({ "type": "object", "additionalProperties": true, "description": about });
    let one = json!({
        "type": "object",
        "required": ["operation"],
        "properties": {
            "operation": { "type": "string", "description": "The operation's name; none that streams, or takes or answers with a file." },
            "input": object("Its input: all that its path, its query and its body would have."),
            "options": object("What would be said beside it, by the options' names; an idempotency_key is of one alone."),
        },
    });
    let asked = json!({
        "type": "object",
        "required": ["operations"],
        "properties": { "operations": { "type": "array", "minItems": 1, "items": one } },
    });
    let result = json!({
        "type": "object",
        "required": ["status", "headers", "body"],
        "properties": {
            "status": { "type": "integer", "description": "The status that it has." },
            "headers": {
                "type": "object", "additionalProperties": { "type": "string" },
                "description": "The headers that it has, in small letters; its X-Request-Id is that of the request with its number.",
            },
            "body": { "description": "Its answer, or its problem." },
        },
    });
    let answered = json!({
        "type": "object",
        "required": ["results"],
        "properties": { "results": { "type": "array", "items": result } },
    });
    let example = json!({ "operations": [
        { "operation": "git.repo.get", "input": { "repo": "acme/api" } },
        { "operation": "git.branch.list", "input": { "repo": "acme/api" }, "options": { "no_cache": true } },
    ] });
    let mut responses = json!({
        "200": {
            "description": "What came of each, in the order in which they were asked for",
            "content": { "application/json": { "schema": answered } },
        },
    });
    for status in [400, 401, 403, 413, 415, 501, 503, 504] {
        responses[status.to_string()] = problem(status);
    }
    json!({
        "operationId": "meta.batch",
        "tags": ["meta"],
        "summary": "Do several operations in one request: side by side, each with its own limits and outcome, by one deadline",
        "parameters": [{ "$ref": "#/components/parameters/timeout_ms" }, { "$ref": "#/components/parameters/timing" }],
        "requestBody": { "required": true, "content": { "application/json": { "schema": asked, "example": example } } },
        "responses": responses,
    })
}

fn events() -> Value {
    let parameter = |name: &str, description: &str| json!({ "name": name, "in": "query", "description": description, "schema": { "type": "string" } });
    let mut parameters = vec![
        parameter("service", "Events of this service alone."),
        parameter(
            "type",
            "Events of this type alone, or whose type begins so, such as git.pr.",
        ),
        parameter("provider", "Events of this instance alone."),
        parameter("resource", "Events of this resource alone, or of what is within it."),
    ];
    let place = json!({ "type": "integer", "format": "int64", "minimum": 0 });
    let behind = "Events behind the one of this id; 0: from the oldest that is kept; default: from now on.";
    parameters.push(json!({ "name": "after", "in": "query", "description": behind, "schema": place }));
    let again = "The same, as browsers say it that come again.";
    parameters.push(json!({ "name": "Last-Event-ID", "in": "header", "description": again, "schema": place }));
    let event = schema::whole::<Event>();
    json!({
        "operationId": "events.follow",
        "tags": ["meta"],
        "summary": "Follow what providers tell, as server-sent events; an event called `missed` says that some were forgotten before",
        "parameters": parameters,
        "responses": {
            "200": { "description": "Events, one JSON object each", "content": { "text/event-stream": { "schema": event } } },
            "400": problem(400),
            "401": problem(401),
            "403": problem(403),
            "429": problem(429),
            "503": problem(503),
        },
    })
}

fn delivery(behind_a_secret: bool) -> Value {
    let parameter =
        |name: &str| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
    let (id, parameters) = match behind_a_secret {
        true => (
            "webhooks.deliver_secretly",
            vec![parameter("instance"), parameter("secret")],
        ),
        false => ("webhooks.deliver", vec![parameter("instance")]),
    };
    let taken = json!({ "type": "object", "required": ["repeated"], "properties": {
        "repeated": { "type": "boolean", "description": "It had come before, and told nothing." } } });
    json!({
        "operationId": id,
        "tags": ["meta"],
        "summary": "Take what a provider sends by itself; its signature or its path says that it comes from there",
        "security": [],
        "parameters": parameters,
        "requestBody": { "required": true, "content": { "application/json": { "schema": {} } } },
        "responses": {
            "200": { "description": "It is kept", "content": { "application/json": { "schema": taken } } },
            "400": problem(400),
            "401": problem(401),
            "404": problem(404),
            "413": problem(413),
            "415": problem(415),
            "429": problem(429),
            "503": problem(503),
        },
    })
}

fn problem(status: u16) -> Value {
    json!({ "$ref": format!("#/components/responses/Error{status}") })
}
