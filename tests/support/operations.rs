//! Requests made from the catalogue, good and bad.

use mosaic::catalogue::Entry;
use mosaic::catalogue::entry::{Field, Shape};
use mosaic::surfaces::rest::routes::{build, placeholders};
use serde_json::{Map, Value, json};

use super::{KEY, Server};

/// An input that the operation accepts.
pub fn sample(entry: &Entry) -> Map<String, Value> {
    let mut input: Map<String, Value> = entry
        .fields
        .iter()
        .filter(|field| field.required)
        .map(|field| (field.name.clone(), good(field)))
        .collect();
    // What no type tells: an address, a name of a variable, and a change that changes something.
    for (operation, field, value) in [
        ("git.hook.create", "url", json!("https://example.com/hook")),
        ("git.hook.create", "events", json!(["push"])),
        ("cicd.secret.put", "name", json!("TOKEN")),
        ("git.pr.update", "title", json!("Mend it")),
        ("projects.issue.update", "title", json!("Mend it")),
        ("projects.board.add_item", "title", json!("Mend it")),
        ("projects.board.update_item", "column", json!("Done")),
        ("docs.page.update", "title", json!("Mended")),
        ("ai.moderation.create", "texts", json!(["hello"])),
        (
            "ai.batch.create",
            "requests",
            json!([{"custom_id": "a", "chat": {"model": "m", "prompt": "hello"}}]),
        ),
    ] {
        if entry.name() == operation {
            input.insert(field.to_owned(), value);
        }
    }
    if entry.field("prompt").is_some() {
        input.insert("prompt".to_owned(), json!("hello"));
    }
    input
}

fn good(field: &Field) -> Value {
    match (field.shape, field.choices.first()) {
        (_, Some(choice)) => json!(choice),
        (Shape::Text, _) => json!("acme/api"),
        (Shape::Integer | Shape::Number, _) => json!(1),
        (Shape::Boolean, _) => json!(true),
        (Shape::TextList, _) => json!(["one"]),
        (Shape::Json, _) => json!({}),
    }
}

/// A value that the field never takes; in a URL only where its text can be wrong.
pub fn wrong(field: &Field) -> Value {
    match field.shape {
        Shape::Text if field.choices.is_empty() => json!(["not", "text"]),
        _ => json!("wrong"),
    }
}

/// Whether a wrong value of this field can be said in a URL.
pub fn wrong_in_url(field: &Field) -> bool {
    !field.choices.is_empty() || !matches!(field.shape, Shape::Text | Shape::TextList)
}

/// The request of `input`: path and query, or path and body.
pub fn request(server: &Server, entry: &Entry, mut input: Map<String, Value>) -> reqwest::RequestBuilder {
    let path = path(entry, &input);
    for name in placeholders(entry.declaration.path) {
        input.remove(name);
    }
    let url = server.url(&path);
    let method = entry.declaration.method.as_str().parse().expect("a method");
    let request = match entry.declaration.input_in_query() {
        true => server.http.request(method, format!("{url}?{}", query(&input))),
        false => server.http.request(method, url).json(&input),
    };
    match entry.declaration.upload {
        true => request.body("a file").bearer_auth(KEY),
        false => request.bearer_auth(KEY),
    }
}

/// The path of an operation, with the values of `input`.
pub fn path(entry: &Entry, input: &Map<String, Value>) -> String {
    format!("/v1{}", build(entry, |name| text(&input[name])))
}

fn query(input: &Map<String, Value>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in input {
        match value {
            Value::Array(items) => items.iter().for_each(|item| {
                query.append_pair(name, &text(item));
            }),
            value => {
                query.append_pair(name, &text(value));
            }
        }
    }
    query.finish()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
