//! REST: a request by the operation's declaration.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Response;
use serde_json::Value;

use super::{Asked, Way};
use crate::neutral::{Outcome, Told, answered, came, refused};
use crate::stage::Stage;

/// The surface.
pub struct Rest;

impl Way for Rest {
    fn name(&self) -> &'static str {
        "REST"
    }

    fn ask<'a>(&'a self, stage: &'a Stage, asked: &'a Asked) -> BoxFuture<'a, Told> {
        async move {
            let response = request(stage, asked).send().await.expect("an answer");
            let declaration = asked.entry.declaration;
            if !response.status().is_success() {
                assert_eq!(media_type(&response), "application/problem+json");
                return refused(&response.json().await.expect("a problem"));
            }
            if declaration.facts.streaming {
                return stream(&response.text().await.expect("a whole stream"));
            }
            if declaration.bytes {
                return came(Outcome::File {
                    media_type: Some(media_type(&response)),
                    bytes: response.bytes().await.expect("a whole file").to_vec(),
                });
            }
            answered(response.json().await.expect("JSON"))
        }
        .boxed()
    }
}

fn media_type(response: &Response) -> String {
    response.headers()["content-type"].to_str().expect("ASCII").to_owned()
}

/// What stands in the path is taken out of the input; the rest is the query, or the body.
fn request(stage: &Stage, asked: &Asked) -> reqwest::RequestBuilder {
    let declaration = asked.entry.declaration;
    let mut left = asked.input.clone();
    let segments = declaration.path.split('/').map(|part| match part.strip_prefix('{') {
        Some(name) => {
            let value = left.shift_remove(name.trim_end_matches('}')).expect("it is given");
            utf8_percent_encode(&text(&value), NON_ALPHANUMERIC).to_string()
        }
        None => part.to_owned(),
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let said = asked.options.said().into_iter();
    let (in_headers, in_query): (Vec<_>, Vec<_>) = said.partition(|(option, _)| option.header.is_some());
    let in_query = in_query
        .into_iter()
        .map(|(option, text)| (option.name.to_owned(), text));
    let mut query: Vec<(String, String)> = in_query.collect();
    if declaration.input_in_query() {
        for (name, value) in &left {
            // A list is given item by item.
            let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            query.extend(items.iter().map(|item| (name.clone(), text(item))));
        }
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let method = declaration.method.as_str().parse().expect("a method");
    let url = stage.url(&format!("/v1{path}?{query}"));
    let mut request = stage.client.0.request(method, url).timeout(Duration::from_secs(60));
    if !declaration.input_in_query() {
        request = request.json(&left);
    }
    if let Some((media_type, name, text)) = asked.file {
        request = request
            .header("content-type", media_type)
            .header("content-disposition", format!("attachment; filename=\"{name}\""))
            .body(text);
    }
    for (option, text) in in_headers {
        request = request.header(option.header.expect("it has one"), text);
    }
    match asked.key.shown() {
        Some(key) => request.bearer_auth(key),
        None => request,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The events of a stream; a refusal that ends it stands for all of it.
fn stream(text: &str) -> Told {
    let mut events = Vec::new();
    for event in text.split("\n\n").filter(|event| !event.trim().is_empty()) {
        let lines =
            |prefix: &str| -> Vec<&str> { event.lines().filter_map(|line| line.strip_prefix(prefix)).collect() };
        let data = lines("data:").join("\n");
        let read = || serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {event}"));
        match lines("event:").first().map(|name| name.trim()) {
            None if data.is_empty() => {}
            None => events.push(read()),
            Some("done") => return came(Outcome::Events(events)),
            Some("error") => return refused(&read()),
            Some(other) => panic!("an event {other}: {text}"),
        }
    }
    panic!("the stream has no end: {text}");
}
