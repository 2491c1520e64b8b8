//! Every kind of bad input on every route of the catalogue: refused before the engine, and named.

use mosaic::catalogue::cursor::CursorKey;
use mosaic::catalogue::{Entry, OPERATIONS};
use mosaic::surfaces::rest::routes::Routes;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::refused;
use crate::support::fake::FakeCalls;
use crate::support::operations::{path, request, sample, wrong, wrong_in_url};
use crate::support::{KEY, MAX_BODY, Server};

#[tokio::test]
async fn every_route_refuses_every_kind_of_bad_input_and_names_it() {
    let server = Server::start(FakeCalls::json("{}")).await;
    let mut checked = 0;
    for entry in OPERATIONS.iter() {
        checked += refuses_wrong_fields(&server, entry).await;
        refuses_strangers(&server, entry).await;
        refuses_other_methods(&server, entry).await;
        if !entry.declaration.input_in_query() {
            refuses_wrong_bodies(&server, entry).await;
        }
    }
    assert!(checked >= 2 * OPERATIONS.len(), "{checked} wrong fields");
    assert!(server.calls.seen().is_empty(), "nothing of this may reach the engine");
}

async fn refuses_wrong_fields(server: &Server, entry: &'static Entry) -> usize {
    let good = sample(entry);
    let mut cases: Vec<(String, Map<String, Value>)> = vec![];
    let mut with = |name: &str, value: Option<Value>| {
        let mut input = good.clone();
        match value {
            Some(value) => input.insert(name.to_owned(), value),
            None => input.remove(name),
        };
        cases.push((name.to_owned(), input));
    };
    with("unheard_of", Some(json!("x")));
    for field in &entry.fields {
        let in_path = entry.declaration.path.contains(&format!("{{{}}}", field.name));
        if field.required && !in_path {
            with(&field.name, None);
        }
        if in_path {
            // The only wrong text that fits a segment: nothing but spaces.
            with(&field.name, Some(json!(" ")));
        } else if !entry.declaration.input_in_query() || wrong_in_url(field) {
            with(&field.name, Some(wrong(field)));
        }
    }
    let count = cases.len();
    for (name, input) in cases {
        let what = format!("{} {name} {input:?}", entry.name());
        let problem = refused(request(server, entry, input), 400, &what).await;
        assert_eq!(problem["code"], "invalid_input", "{what}");
        assert_eq!(problem["field"], name, "{what}");
    }
    let (http, built) = request(server, entry, good).build_split();
    let mut unknown = built.expect("a request");
    unknown.url_mut().query_pairs_mut().append_pair("unheard_of", "1");
    let unknown = reqwest::RequestBuilder::from_parts(http, unknown);
    let problem = refused(unknown, 400, entry.name()).await;
    assert_eq!(problem["field"], "unheard_of");
    count + 1
}

async fn refuses_strangers(server: &Server, entry: &'static Entry) {
    let path = path(entry, &sample(entry));
    let method: Method = entry.declaration.method.as_str().parse().expect("a method");
    let bare = || server.http.request(method.clone(), server.url(&path));
    for (stranger, what) in [
        (bare(), "no key"),
        (bare().bearer_auth("planted-key"), "a part of the key"),
        (bare().header("x-api-key", ""), "an empty key"),
        (bare().basic_auth("user", Some(KEY)), "the key as a password"),
    ] {
        let response = stranger
            .try_clone()
            .expect("no stream")
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            response.headers()["www-authenticate"],
            "Bearer realm=\"mosaic\"",
            "{what}"
        );
        let problem = refused(stranger, 401, what).await;
        assert_eq!(problem["code"], "unauthenticated", "{what}");
    }
}

async fn refuses_other_methods(server: &Server, entry: &'static Entry) {
    let path = path(entry, &sample(entry));
    let below = path.strip_prefix("/v1").expect("a path of an operation");
    let known = Routes::of(OPERATIONS.iter()).methods(below);
    for method in [Method::DELETE, Method::PUT, Method::PATCH] {
        if known.iter().any(|known| known.as_str() == method.as_str()) {
            continue;
        }
        let wrong = || server.http.request(method.clone(), server.url(&path)).bearer_auth(KEY);
        let problem = refused(wrong(), 405, entry.name()).await;
        assert_eq!(problem["code"], "method_not_allowed");
        let response = wrong().send().await.expect("an answer");
        let allow = response.headers()["allow"].to_str().expect("ASCII").to_owned();
        assert!(allow.contains(entry.declaration.method.as_str()), "{allow}");
    }
}

async fn refuses_wrong_bodies(server: &Server, entry: &'static Entry) {
    let url = server.url(&path(entry, &sample(entry)));
    let post = |media_type: &str, body: String| {
        let method: Method = entry.declaration.method.as_str().parse().expect("a method");
        let request = server.http.request(method, &url).bearer_auth(KEY);
        request.header("content-type", media_type).body(body)
    };
    let json_type = "application/json";
    let problem = refused(post(json_type, "{\n  \"a\": x}".to_owned()), 400, "bad JSON").await;
    assert_eq!(problem["field"], "body");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains("line 2, column 8"), "{detail}");
    assert_eq!(
        refused(post(json_type, "[]".to_owned()), 400, "a list").await["field"],
        "body"
    );
    assert_eq!(
        refused(post(json_type, "[".repeat(9000)), 400, "depth").await["field"],
        "body"
    );
    refused(post("text/plain", "{}".to_owned()), 415, "no JSON by its type").await;
    refused(
        post("application/x-www-form-urlencoded", "a=1".to_owned()),
        415,
        "a form",
    )
    .await;
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_BODY));
    assert_eq!(
        refused(post(json_type, large), 413, "a large body").await["code"],
        "payload_too_large"
    );
}

#[test]
fn samples_are_inputs_that_their_operations_accept() {
    for entry in OPERATIONS.iter() {
        let prepared = entry.prepare(Value::Object(sample(entry)), false, &CursorKey::random());
        assert!(prepared.is_ok(), "{}", entry.name());
    }
}

#[tokio::test]
async fn a_wrong_parameter_and_a_wrong_path_are_told_what_there_is() {
    let server = Server::start(FakeCalls::json("{}")).await;
    let get = |path: &str| server.http.get(server.url(path)).bearer_auth(KEY);
    let problem = refused(get("/v1/git/repos?limti=5"), 400, "limti").await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("did you mean limit?") && detail.contains("cursor"),
        "{detail}"
    );
    for path in ["/", "/v1", "/openapi.json", "/v2/git/repos"] {
        let problem = refused(get(path), 404, path).await;
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(problem["code"], "no_route", "{path}");
        assert!(
            detail.contains("/docs") && detail.contains("/v1/openapi.json"),
            "{path}: {detail}"
        );
    }
}
