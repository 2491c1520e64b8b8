//! What the admin listener says of itself, against what it has.

use std::collections::BTreeSet;

use mosaic::admin::openapi::document;
use serde_json::{Value, json};

use crate::stage::{Stage, orders, two_at, upstream};

/// A path of the document as one may ask for it.
fn filled(path: &str) -> String {
    path.replace("{name}", "a")
        .replace("{id}", "none")
        .replace("{code}", "not_found")
}

#[tokio::test]
async fn every_route_is_described_as_it_is_and_nothing_else_is() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    // A call with the id that is asked for.
    let call = stage.ask("/v1/git/repos/a~acme%2Fapi").header("x-request-id", "none");
    call.send().await.expect("an answer");
    let document = document();
    let mut orders_there = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let request = stage.request(&method.to_uppercase(), &filled(path));
            let answer = match method.as_str() {
                "post" => request.json(&json!({})).send().await,
                _ => request.send().await,
            };
            let answer = answer.expect("an answer");
            if method == "post" {
                orders_there.insert(filled(path));
                let problem: Value = answer.json().await.expect("a problem");
                assert_eq!(problem["field"], "reason", "{path}: an order, and not obeyed");
                continue;
            }
            assert_eq!(answer.status(), 200, "{path}");
            let content = operation["responses"]["200"]["content"].as_object().expect("a body");
            let told = answer.headers()["content-type"].to_str().expect("text");
            assert!(
                content.keys().any(|known| told.starts_with(known.as_str())),
                "{path}: {told}"
            );
        }
    }
    // Every order that the other tests give, with its fields.
    for (path, body) in orders() {
        let path = format!("/admin/v1{path}");
        assert!(orders_there.contains(&path), "{path}");
        let described = document["paths"].as_object().expect("paths").iter();
        let mut described = described.filter(|(known, methods)| filled(known) == path && !methods["post"].is_null());
        let schema =
            &described.next().expect("it is there").1["post"]["requestBody"]["content"]["application/json"]["schema"];
        for field in body.as_object().expect("fields").keys() {
            assert!(schema["properties"].get(field).is_some(), "{path}: {field}");
        }
        assert!(
            schema["required"]
                .as_array()
                .expect("a list")
                .contains(&json!("reason")),
            "{path}"
        );
    }
    stage.stop().await;
}

#[tokio::test]
async fn the_pages_need_nothing_from_elsewhere_and_link_to_what_there_is() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    for path in ["/", "/docs"] {
        let page = stage.request("GET", path).send().await.expect("an answer");
        let policy = page.headers()["content-security-policy"]
            .to_str()
            .expect("text")
            .to_owned();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        let page = page.text().await.expect("a page");
        let links: Vec<&str> = page
            .split("<a href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(!links.is_empty(), "{path}");
        for link in links {
            // Relative, so that they hold below another path, too.
            assert!(!link.starts_with('/') && !link.contains("://"), "{link}");
            let followed = stage
                .request("GET", &format!("/{link}"))
                .send()
                .await
                .expect("an answer");
            assert_eq!(followed.status(), 200, "{path}: {link}");
        }
    }
    let served: Value = stage.view("/openapi.json").await;
    assert_eq!(served, document());
    stage.stop().await;
}
