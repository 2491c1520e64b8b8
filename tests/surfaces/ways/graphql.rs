//! GraphQL: every field of what an operation answers, asked for as the schema has it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::graphql_schema::{Schema, camel, resolved};
use super::{Asked, Way};
use crate::harness::http::{Reply, send};
use crate::neutral::{Outcome, Told, answered, came, refused};
use crate::row::Key;
use crate::stage::Stage;

/// The surface.
pub struct Graphql;

/// Where a field stands.
const ROOTS: [(&str, &str); 3] = [
    ("Query", "query"),
    ("Mutation", "mutation"),
    ("Subscription", "subscription"),
];

impl Way for Graphql {
    fn name(&self) -> &'static str {
        "GraphQL"
    }

    fn ask<'a>(&'a self, stage: &'a Stage, asked: &'a Asked) -> BoxFuture<'a, Told> {
        async move {
            let introspection = async || {
                post(stage, Key::Own, &json!({ "query": Schema::QUERY }), &[])
                    .await
                    .ok()
            };
            let schema = Schema::of(stage.learned.get_or_init(introspection).await);
            let name = camel(asked.entry.name());
            let Some((root, kind)) = ROOTS.into_iter().find(|(root, _)| schema.field(root, &name).is_some()) else {
                return not_shown(stage, asked, &name).await;
            };
            let request = request(&schema, root, kind, &name, asked);
            let mut headers: Vec<(&str, String)> = Vec::new();
            for (option, text) in asked.options.said() {
                if let Some(header) = option.header.filter(|_| !option.keyed) {
                    headers.push((header, text));
                }
            }
            let streaming = asked.entry.declaration.facts.streaming;
            if streaming {
                headers.push(("accept", "text/event-stream".to_owned()));
            }
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, text)| (*name, &**text)).collect();
            let reply = post(stage, asked.key, &request, &headers).await;
            let read = |document: &Value| -> Result<Value, Box<Told>> {
                // A page that lacks the rows of some tells why among the errors, too.
                let is_part = !document["data"][&name].is_null();
                match document.get("errors").and_then(|errors| errors.get(0)) {
                    Some(error) if !is_part => Err(Box::new(failed(document, error))),
                    _ => Ok(taken(&schema, root, &name, asked, &document["data"][&name])),
                }
            };
            if streaming && reply.status == 200 {
                return followed(&reply, read);
            }
            let document = reply.json();
            let mut told = match read(&document) {
                Err(refused) => return *refused,
                Ok(answer) if asked.entry.declaration.bytes => return file(&answer),
                Ok(answer) => answered(answer),
            };
            told.decision = document.pointer("/extensions/decisions/0/decision").cloned();
            told
        }
        .boxed()
    }
}

async fn post(stage: &Stage, key: Key, request: &Value, headers: &[(&str, &str)]) -> Reply {
    let posted = stage.client.0.post(stage.url("/graphql")).json(request);
    let posted = match key.shown() {
        Some(key) => posted.bearer_auth(key),
        None => posted,
    };
    send(posted, headers).await
}

/// What is no field of the caller's schema is refused: for want of a scope, or as one that there is not.
async fn not_shown(stage: &Stage, asked: &Asked, name: &str) -> Told {
    let kind = match asked.entry.declaration.facts.safe {
        true => "query",
        false => "mutation",
    };
    let arguments = asked
        .input
        .iter()
        .map(|(key, value)| format!("{}: {value}", camel(key)));
    let arguments = arguments.collect::<Vec<_>>().join(", ");
    let query = format!("{kind} {{ {name}({arguments}) {{ __typename }} }}");
    let answer = post(stage, asked.key, &json!({ "query": query }), &[]).await.json();
    let error = &answer["errors"][0];
    assert!(answer.get("data").is_none(), "{answer}");
    if error["extensions"]["code"] == "forbidden" {
        return failed(&answer, error);
    }
    assert_eq!(error["extensions"]["code"], "invalid_input", "{answer}");
    came(Outcome::NotShown)
}

/// The key of an argument: that of an input, or of what is said beside it.
fn argument(asked: &Asked, key: &str) -> String {
    match (asked.entry.declaration.facts.list, key) {
        (true, "cursor") => "after".to_owned(),
        (true, "limit") => "first".to_owned(),
        _ => camel(key),
    }
}

fn request(schema: &Schema, root: &str, kind: &str, name: &str, asked: &Asked) -> Value {
    let field = schema.field(root, name).expect("it was found");
    let mut given: Vec<(String, Value)> = Vec::new();
    for (key, value) in &asked.input {
        given.push((argument(asked, key), value.clone()));
    }
    for (option, text) in asked.options.said() {
        if option.header.is_none() || option.keyed {
            // A text that is JSON by itself stands for a number or a switch.
            let value = match option.name {
                "provider" | "idempotency_key" => json!(text),
                _ => serde_json::from_str(&text).expect("a number or a switch"),
            };
            given.push((camel(option.name), value));
        }
    }
    if let Some((media_type, name, text)) = asked.file {
        given.push((
            "file".to_owned(),
            json!({ "text": text, "media_type": media_type, "name": name }),
        ));
    }
    let (mut declared, mut passed, mut variables) = (Vec::new(), Vec::new(), Map::new());
    for (key, value) in given {
        let ty = schema.argument(field, &key);
        declared.push(format!("${key}: {}", ty.map_or("JSON".to_owned(), Schema::written)));
        passed.push(format!("{key}: ${key}"));
        let value = ty.map_or(value.clone(), |ty| schema.given(&value, ty));
        variables.insert(key, value);
    }
    let in_brackets = |parts: Vec<String>| match parts.is_empty() {
        true => String::new(),
        false => format!("({})", parts.join(", ")),
    };
    let selection = selection(schema, field, asked);
    let (declared, passed) = (in_brackets(declared), in_brackets(passed));
    let query = format!("{kind} Asked{declared} {{ {name}{passed} {selection} }}");
    json!({ "query": query, "variables": variables })
}

/// The schema of the rows of a list, whose instance an edge tells where they do not.
fn row_of(schema: &Schema, node: &str, asked: &Asked) -> Value {
    let whole = asked.entry.output_schema.as_value();
    let mut row = resolved(whole, &whole["properties"]["items"]["items"]).clone();
    if let Some(fields) = row["properties"]
        .as_object_mut()
        .filter(|_| schema.field(node, "provider").is_none())
    {
        fields.shift_remove("provider");
    }
    row
}

fn selection(schema: &Schema, field: &Value, asked: &Asked) -> String {
    let ty = Schema::named(&field["type"]);
    if asked.entry.declaration.bytes {
        return "{ mediaType name size base64 }".to_owned();
    }
    let whole = asked.entry.output_schema.as_value();
    if !asked.entry.declaration.facts.list {
        return schema.selection(ty, whole, whole);
    }
    let edge = schema.type_of(ty, "edges");
    let of = schema.type_of(edge, "node");
    let node = schema.selection(of, whole, &row_of(schema, of, asked));
    let errors = schema.selection(
        schema.type_of(ty, "errors"),
        whole,
        &whole["properties"]["errors"]["items"],
    );
    format!(
        "{{ edges {{ cursor provider node {node} }} pageInfo {{ hasNextPage endCursor }} totalCount incomplete errors {errors} }}"
    )
}

/// The neutral answer that a value of GraphQL stands for.
fn taken(schema: &Schema, root: &str, name: &str, asked: &Asked, value: &Value) -> Value {
    let ty = schema.type_of(root, name);
    if asked.entry.declaration.bytes {
        return value.clone();
    }
    let whole = asked.entry.output_schema.as_value();
    if !asked.entry.declaration.facts.list {
        return schema.taken(value, ty, whole, whole);
    }
    let edge = schema.type_of(ty, "edges");
    let node = schema.type_of(edge, "node");
    let row = row_of(schema, node, asked);
    let items = value["edges"].as_array().expect("edges").iter().map(|edge| {
        let mut item = schema.taken(&edge["node"], node, whole, &row);
        if let Some(provider) = edge["provider"].as_str() {
            item["provider"] = json!(provider);
        }
        item
    });
    let mut page = json!({ "items": items.collect::<Value>(), "has_more": value["pageInfo"]["hasNextPage"] });
    if page["has_more"] == true {
        page["next_cursor"] = value["pageInfo"]["endCursor"].clone();
    }
    if !value["totalCount"].is_null() {
        page["total"] = value["totalCount"].clone();
    }
    if value["incomplete"] == true {
        page["incomplete"] = json!(true);
    }
    if value["errors"].as_array().is_some_and(|errors| !errors.is_empty()) {
        let (of, row) = (schema.type_of(ty, "errors"), &whole["properties"]["errors"]["items"]);
        let errors = value["errors"].as_array().expect("errors").iter();
        page["errors"] = errors.map(|error| schema.taken(error, of, whole, row)).collect();
    }
    page
}

/// An error's extensions are a problem's members; fields are called as arguments are.
fn failed(document: &Value, error: &Value) -> Told {
    let mut members = error["extensions"].clone();
    members["detail"] = error["message"].clone();
    if let Some(field) = members["field"].as_str() {
        let neutral = match field {
            "after" => "cursor".to_owned(),
            "first" => "limit".to_owned(),
            field => snake(field),
        };
        members["field"] = json!(neutral);
    }
    let mut told = refused(&members);
    let beside = document.pointer("/extensions/decisions/0/decision").cloned();
    told.decision = told.decision.or(beside);
    told
}

/// `timeoutMs` as `timeout_ms`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn file(answer: &Value) -> Told {
    let bytes = BASE64_STANDARD.decode(answer["base64"].as_str().expect("base64"));
    let bytes = bytes.expect("base64");
    assert_eq!(answer["size"], json!(bytes.len()));
    came(Outcome::File {
        media_type: answer["mediaType"].as_str().map(str::to_owned),
        bytes,
    })
}

/// The answers to a subscription, to their end.
fn followed(reply: &Reply, read: impl Fn(&Value) -> Result<Value, Box<Told>>) -> Told {
    let mut events = Vec::new();
    for event in reply.text.split("\n\n").filter(|event| !event.trim().is_empty()) {
        let part = |name| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        match part("event:") {
            Some("next") => {
                let document: Value = serde_json::from_str(part("data:").unwrap_or_default()).expect("JSON");
                match read(&document) {
                    Ok(event) => events.push(event),
                    Err(refused) => return *refused,
                }
            }
            Some("complete") => return came(Outcome::Events(events)),
            _ => {}
        }
    }
    panic!("the stream has no end: {reply:?}");
}
