//! What HTTP adds to every operation, in the OpenAPI document: headers, and what is asked for by them.
//!
//! Invariant: each is described once, and referred to where it can come.

use serde_json::{Map, Value, json};

use crate::catalogue::{Entry, Method};

/// Headers of answers, and what each says.
const HEADERS: &[(&str, &str)] = &[
    ("X-Request-Id", "The request's id."),
    ("X-Mosaic-Provider", "The instance that answered."),
    (
        "X-Mosaic-Attempts",
        "How many attempts the answer took; 0 where none was needed.",
    ),
    (
        "Link",
        "The next page of a list (`next`, RFC 8288); the decision record of an answer that was asked to explain itself \
         (`describedby`).",
    ),
    ("Cache-Status", "Whether the answer came from cache (RFC 9211)."),
    ("ETag", "The answer's bytes; in If-None-Match it asks for others alone."),
    (
        "Server-Timing",
        "How long the phases of the call took, where X-Mosaic-Timing asked for that.",
    ),
    (
        "RateLimit",
        "What is left of the tenant's rate, where it has one (draft-ietf-httpapi-ratelimit-headers-11).",
    ),
    (
        "RateLimit-Policy",
        "The tenant's rate, where it has one: a quota for a window of seconds.",
    ),
    ("Retry-After", "After how many seconds it can help to try again."),
    (
        "Traceparent",
        "The span of the gateway, where the request is part of a trace.",
    ),
    ("WWW-Authenticate", "How to say who asks."),
    ("Allow", "The methods that the path has."),
];

/// Those that every answer of an operation may have.
const OF_ALL: [&str; 8] = [
    "X-Request-Id",
    "X-Mosaic-Provider",
    "X-Mosaic-Attempts",
    "Link",
    "Cache-Status",
    "Server-Timing",
    "RateLimit",
    "RateLimit-Policy",
];

/// The headers' descriptions, by their names.
pub(super) fn headers() -> Map<String, Value> {
    let rows = HEADERS.iter();
    rows.map(|(name, about)| ((*name).to_owned(), header(about))).collect()
}

pub(super) fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}

/// The headers of an operation's answers.
pub(super) fn of_answers(entry: &Entry) -> Map<String, Value> {
    let tag = is_conditional(entry).then_some("ETag");
    referred(OF_ALL.into_iter().chain(tag).chain(["Traceparent"]))
}

fn referred<'a>(names: impl IntoIterator<Item = &'a str>) -> Map<String, Value> {
    let refer = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let names = names.into_iter();
    names.map(|name| (name.to_owned(), refer(name))).collect()
}

/// Whether its answers have a tag, and are left out where the client has them.
pub(super) fn is_conditional(entry: &Entry) -> bool {
    let declaration = entry.declaration;
    declaration.method == Method::Get && !declaration.bytes && !declaration.facts.streaming
}

/// All responses that are referred to: what a client has already, and the errors with what they tell beside.
pub(super) fn responses(errors: Map<String, Value>) -> Map<String, Value> {
    let unchanged = json!({
        "description": "The client has the answer: its bytes are those that If-None-Match names",
        "headers": referred(OF_ALL.into_iter().chain(["ETag", "Traceparent"])),
    });
    let with_headers = |(name, mut error): (String, Value)| {
        let more: &[&str] = match &*name {
            "Error401" => &["WWW-Authenticate"],
            "Error405" => &["Allow"],
            "Error429" | "Error503" => &["Retry-After", "RateLimit", "RateLimit-Policy"],
            _ => &["Retry-After"],
        };
        if let Some(headers) = error["headers"].as_object_mut() {
            headers.extend(referred(more.iter().copied()));
        }
        (name, error)
    };
    let errors = errors.into_iter().map(with_headers);
    errors.chain([("NotModified".to_owned(), unchanged)]).collect()
}

/// What may be asked for by headers that HTTP, or this surface alone, has.
pub(super) fn parameters() -> Map<String, Value> {
    let header = |name: &str, schema: Value, about: &str| json!({ "name": name, "in": "header", "description": about, "schema": schema });
    let text = json!({ "type": "string" });
    let rows = [
        (
            "if_none_match",
            header(
                "If-None-Match",
                text.clone(),
                "ETags of answers that the client has: with one of them it is told 304.",
            ),
        ),
        (
            "if_match",
            header(
                "If-Match",
                text,
                "ETags of answers: unless it would be one of them it is told 412.",
            ),
        ),
        (
            "timing",
            header(
                "X-Mosaic-Timing",
                json!({ "type": "string", "enum": ["true", "false"] }),
                "Has the answer tell in Server-Timing how long the phases of the call took.",
            ),
        ),
        (
            "last_event_id",
            header(
                "Last-Event-ID",
                json!({ "type": "integer", "minimum": 0 }),
                "The id of the last event that came: the stream goes on behind it.",
            ),
        ),
    ];
    rows.map(|(name, row)| (name.to_owned(), row)).into_iter().collect()
}

/// The names of those that an operation has.
pub(super) fn of(entry: &Entry) -> impl Iterator<Item = &'static str> {
    let conditions = is_conditional(entry).then_some(["if_none_match", "if_match"]);
    let place = entry.declaration.goes_on.map(|_| "last_event_id");
    let all = conditions.into_iter().flatten().chain(place);
    all.chain(["timing"])
}
