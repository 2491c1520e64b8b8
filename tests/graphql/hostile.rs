//! What would be too much is refused, and nothing of it reaches a provider.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::http::send;
use super::{KEY, data, post, stage};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_before_a_call() {
    let stage = stage("max_aliases = 5\nmax_complexity = 2000\nmax_depth = 12").await;
    let before = stage.asked("github");
    let deep = format!(
        "{{ gitRepoGet(repo: \"a/b\") {}id{} }}",
        "{ prs { nodes { repository ".repeat(9),
        "} } }".repeat(9)
    );
    let wide = "gitRepoGet(repo: \"acme/api\") { path } ".repeat(400);
    let aliased: String = (0..6)
        .map(|at| format!("a{at}: gitRepoGet(repo: \"acme/api\") {{ path }} "))
        .collect();
    let mut bomb = String::from("{ gitRepoGet(repo: \"acme/api\") { ...F0 } }");
    for at in 0..30 {
        bomb += &format!(" fragment F{at} on Repo {{ ...F{0} ...F{0} }}", at + 1);
    }
    bomb += " fragment F30 on Repo { id }";
    let cases = [
        ("deep", deep),
        ("wide", format!("{{ {wide} }}")),
        ("aliases", format!("{{ {aliased} }}")),
        (
            "rows",
            "{ gitRepoList(first: 100) { nodes { prs(first: 100) { nodes { id title } } } } }".to_owned(),
        ),
        ("bomb", bomb),
        (
            "cycle",
            "{ gitRepoGet(repo: \"acme/api\") { ...A } } fragment A on Repo { ...B } fragment B on Repo { ...A }"
                .to_owned(),
        ),
        ("brackets", "{".repeat(60_000)),
        ("lists", format!("{{ gitRepoGet(repo: {}", "[".repeat(60_000))),
        (
            "values",
            format!(
                "{{ gitRepoGet(repo: {}\"x\"{}) {{ id }} }}",
                "[".repeat(190),
                "]".repeat(190)
            ),
        ),
        (
            "long",
            format!("{{ gitRepoGet(repo: \"{}\") {{ id }} }}", "x".repeat(70_000)),
        ),
        ("no name", "query A { __typename } query B { __typename }".to_owned()),
        (
            "directives",
            format!(
                "{{ gitRepoGet(repo: \"acme/api\") {{ id {} }} }}",
                "@skip(if: false) ".repeat(50)
            ),
        ),
        ("unknown fragment", "{ ...Nowhere }".to_owned()),
        ("unknown variable", "{ gitRepoGet(repo: $repo) { id } }".to_owned()),
        (
            "schema",
            format!(
                "{{ __schema {{ types {}name{} }} }}",
                "{ fields { type ".repeat(6),
                "} }".repeat(6)
            ),
        ),
        ("nothing", "\u{0}".to_owned()),
    ];
    for (what, query) in cases {
        let begun = Instant::now();
        let answer = post(&stage.gateway, &json!({ "query": query }), &[]).await.json();
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "invalid_input", "{what}: {answer}");
        assert!(answer.get("data").is_none(), "{what}");
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{what} took {:?}",
            begun.elapsed()
        );
    }
    assert_eq!(stage.asked("github"), before);
    // And it serves on.
    let answer = data(&stage.gateway, "{ gitRepoGet(repo: \"acme/api\") { path } }").await;
    assert_eq!(answer["gitRepoGet"]["path"], "acme/api");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused() {
    let stage = stage("").await;
    let url = format!("http://{}/graphql", stage.gateway.public);
    for (body, status) in [
        ("", 400),
        ("7", 400),
        ("{", 400),
        ("{}", 200),
        ("{\"query\": 7}", 400),
        ("{\"query\": \"{ __typename }\", \"variables\": 7}", 400),
        ("{\"query\": \"{ a }\", \"query\": \"{ b }\"}", 400),
        ("{\"query\": \"{ __typename }\", \"operationName\": \"None\"}", 200),
    ] {
        let request = stage.gateway.client.0.post(&url).bearer_auth(KEY).body(body);
        let refused = send(request, &[("content-type", "application/json")]).await;
        assert_eq!(refused.status, status, "{body}: {refused:?}");
        let told: Value = refused.json();
        assert_eq!(told["errors"][0]["extensions"]["code"], "invalid_input", "{body}");
    }
    let long = json!({ "query": "x".repeat(12 << 20) }).to_string();
    let request = stage.gateway.client.0.post(&url).bearer_auth(KEY).body(long);
    let refused = send(request, &[("content-type", "application/json")]).await;
    assert_eq!(refused.status, 413, "{}", refused.text);
    assert_eq!(refused.json()["errors"][0]["extensions"]["code"], "payload_too_large");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_answers_hold_together_is_bounded() {
    let stage = stage("max_answers = \"64KiB\"").await;
    let query = "{ gitRepoList(owner: \"many\", first: 100) { nodes { path } } again: gitRepoList(owner: \"many\", first: 99) { nodes { path } }
        third: gitRepoList(owner: \"many\", first: 98) { nodes { path } } }";
    let answer = post(&stage.gateway, &json!({ "query": query }), &[]).await.ok();
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    assert!(
        errors.iter().any(|error| error["message"]
            .as_str()
            .unwrap_or_default()
            .contains("graphql.max_answers")),
        "{answer}"
    );
    stage.close().await;
}
