//! An OpenAPI document as a page for people: parameters, bodies and answers, and a form that tries each call.
//!
//! Invariant: all text of the page is the document's, escaped; the one script is ours, and is served beside it.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde_json::Value;

use super::example::Examples;
use super::page::escape;

/// Where the script is, below the surface's mount.
pub(crate) const SCRIPT: &str = "/docs/try.js";

/// `GET /docs/try.js`
pub(crate) async fn script() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, include_str!("try.js")).into_response()
}

/// All calls of a document, each with its form.
pub(crate) fn calls(document: &Value) -> String {
    let mut body = String::from(
        "<script src=\"docs/try.js\" defer></script><p><label>Token <input id=\"token\" type=\"password\" \
         autocomplete=\"off\"></label> is sent with what is tried, and kept in this page alone.</p>",
    );
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            body += &call(document, path, method, operation);
        }
    }
    body
}

fn call(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let method = method.to_uppercase();
    format!(
        "<details id=\"{id}\"><summary><code>{id}</code> <code>{method} {path}</code> {summary}</summary>\
         <form data-method=\"{method}\" data-path=\"{below}\">{parameters}{body}<p><button>Send</button></p>\
         <pre class=\"answer\"></pre></form>{answers}</details>",
        id = text(&operation["operationId"]),
        path = escape(path),
        below = escape(path.trim_start_matches('/')),
        summary = text(&operation["summary"]),
        parameters = parameters(document, operation),
        body = request_body(document, operation),
        answers = answers(document, operation),
    )
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn parameters(document: &Value, operation: &Value) -> String {
    let mut rows = String::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolved(document, parameter);
        let required = parameter["required"] == true;
        rows += &format!(
            "<tr><td><label for=\"{id}.{name}\"><code>{name}</code></label>{}<td>{place}<td>{}<td>\
             <input id=\"{id}.{name}\" name=\"{name}\" data-in=\"{place}\"{}{}><td>{}</tr>",
            if required { " *" } else { "" },
            escape(&type_of(document, &parameter["schema"])),
            if required { " required" } else { "" },
            placeholder(&parameter["example"]),
            text(&parameter["description"]),
            id = text(&operation["operationId"]),
            name = text(&parameter["name"]),
            place = text(&parameter["in"]),
        );
    }
    match rows.is_empty() {
        true => rows,
        false => format!("<table><tr><th>Parameter<th>In<th>Type<th>Value<th>What</tr>{rows}</table>"),
    }
}

/// What a field may hold, shown where it holds nothing.
fn placeholder(example: &Value) -> String {
    match example.as_str() {
        Some(word) => format!(" placeholder=\"{}\"", escape(word)),
        None => String::new(),
    }
}

fn request_body(document: &Value, operation: &Value) -> String {
    let content = operation["requestBody"]["content"].as_object();
    let Some((media_type, content)) = content.and_then(|content| content.iter().next()) else {
        return String::new();
    };
    let media_type = escape(media_type);
    if media_type != "application/json" {
        return format!(
            "<p><label>Body, <code>{media_type}</code> <input type=\"file\" data-in=\"body\" \
             data-type=\"{media_type}\" required></label></p>"
        );
    }
    let schema = resolved(document, &content["schema"]);
    let made = || Examples { document }.of(schema, "");
    let example = content.get("example").cloned().unwrap_or_else(made);
    let example = serde_json::to_string_pretty(&example).unwrap_or_default();
    format!(
        "{}<p><label>Body, <code>{media_type}</code><br><textarea rows=\"8\" cols=\"80\" data-in=\"body\" \
         data-type=\"{media_type}\">{}</textarea></label></p>",
        fields(document, schema),
        escape(&example)
    )
}

/// The fields of an object; those that must be there have a star.
fn fields(document: &Value, schema: &Value) -> String {
    let mut rows = String::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        rows += &format!(
            "<tr><td><code>{}</code>{}<td>{}<td>{}</tr>",
            escape(name),
            if requires(schema, name) { " *" } else { "" },
            escape(&type_of(document, field)),
            text(&field["description"])
        );
    }
    match rows.is_empty() {
        true => rows,
        false => format!("<table><tr><th>Field<th>Type<th>What</tr>{rows}</table>"),
    }
}

fn requires(schema: &Value, name: &str) -> bool {
    let required = schema["required"].as_array();
    required.is_some_and(|required| required.iter().any(|known| known == name))
}

/// Answers with their fields; the refusals that all calls share in one line.
fn answers(document: &Value, operation: &Value) -> String {
    let (mut told, mut refusals) = (String::new(), BTreeMap::new());
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        let answer = resolved(document, answer);
        if !status.starts_with('2') {
            refusals.insert(status.clone(), text(&answer["description"]));
            continue;
        }
        let content = answer["content"].as_object().into_iter().flatten();
        for (media_type, content) in content {
            let schema = match content.get("x-event-data") {
                Some(event) => event,
                None => &content["schema"],
            };
            told += &format!(
                "<p>{} <code>{}</code> {}: {}</p>{}",
                escape(status),
                escape(media_type),
                escape(&type_of(document, schema)),
                text(&answer["description"]),
                fields(document, resolved(document, schema))
            );
        }
    }
    let refusals: Vec<String> = refusals
        .iter()
        .map(|(status, what)| format!("{status} {what}"))
        .collect();
    match refusals.is_empty() {
        true => told,
        false => format!("{told}<p>Refusals: {}.</p>", refusals.join(". ")),
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// A schema in a word or two.
fn type_of(document: &Value, schema: &Value) -> String {
    let target = resolved(document, schema);
    if let Some(words) = target["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return words.join(" | ");
    }
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next())
    {
        return name.to_owned();
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(alternatives) = schema[union].as_array() {
            let names: Vec<String> = alternatives.iter().map(|one| type_of(document, one)).collect();
            return names.join(" | ");
        }
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("{}[]", type_of(document, &schema["items"])),
        Value::String(word) => word.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        _ => "any".to_owned(),
    }
}
