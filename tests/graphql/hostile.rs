//! What would be too much is refused, and nothing of it reaches a provider.

use std::time::{Duration, Instant};

use reqwest::Method;
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_is_refused_by_its_name_before_a_call() {
    let stage = stage("").await;
    let before = stage.asked("github");
    let deep = (0..100).fold(json!("x"), |within, _| json!([within]));
    let file = |file: &str| {
        format!(
            "mutation {{ docsAttachmentUpload(page: \"bookstack-a~1\", name: \"a\", file: {file}) {{ __typename }} }}"
        )
    };
    let list = |arguments: &str| format!("{{ gitPrList(repo: \"acme/api\", {arguments}) {{ nodes {{ id }} }} }}");
    let cases = [
        (list("first: -1"), json!({})),
        (list("first: 0"), json!({})),
        (list("first: 101"), json!({})),
        (list("first: 99999999999999999999"), json!({})),
        (list("first: 5.5"), json!({})),
        (list("first: \"5\""), json!({})),
        (list("state: NOPE"), json!({})),
        (list("state: \"nope\""), json!({})),
        (list("after: \"\""), json!({})),
        (list("after: \"1.1.forged\""), json!({})),
        (list("timeoutMs: -1"), json!({})),
        (list("timeoutMs: 1.5"), json!({})),
        (list("provider: \"nobody\""), json!({})),
        (list("colour: RED"), json!({})),
        (list("first: $first"), json!({})),
        (
            "query($first: Int!) { gitRepoList(first: $first) { nodes { id } } }".to_owned(),
            json!({}),
        ),
        (
            "query($first: Int) { gitRepoList(first: $first) { nodes { id } } }".to_owned(),
            json!({ "first": deep }),
        ),
        (
            "query($repo: String!) { gitRepoGet(repo: $repo) { id } }".to_owned(),
            json!({ "repo": { "a": 1 } }),
        ),
        ("{ gitRepoGet(repo: null) { id } }".to_owned(), json!({})),
        ("{ gitRepoGet(repo: \"\") { id } }".to_owned(), json!({})),
        ("{ gitRepoGet(repo: \"../../users\") { id } }".to_owned(), json!({})),
        ("{ gitRepoGet(repo: \"a\\u0000/b\") { id } }".to_owned(), json!({})),
        ("{ node(id: \"\") { id } }".to_owned(), json!({})),
        ("{ node(id: \"Repo:\") { id } }".to_owned(), json!({})),
        ("{ node(id: \"Query:1\") { id } }".to_owned(), json!({})),
        (file("{ text: \"a\", base64: \"YQ==\" }"), json!({})),
        (file("{}"), json!({})),
        (file("{ base64: \"no base64\" }"), json!({})),
    ];
    for (query, variables) in cases {
        let request = json!({ "query": query, "variables": variables });
        let answer = post(&stage.gateway, &request, &[]).await.json();
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "invalid_input", "{query}: {answer}");
        assert!(!error["message"].as_str().unwrap_or_default().is_empty(), "{query}");
    }
    for persisted in [
        json!(7),
        json!({}),
        json!({ "version": 2, "sha256Hash": "aa" }),
        json!({ "version": 1, "sha256Hash": 7 }),
    ] {
        let request = json!({ "query": "{ __typename }", "extensions": { "persistedQuery": persisted } });
        let answer = post(&stage.gateway, &request, &[]).await.json();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "invalid_input", "{answer}");
    }
    assert_eq!(stage.asked("github"), before);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_twice_under_one_name_is_done_once() {
    let stage = stage("").await;
    let before = stage.asked("github");
    let query = "mutation {
        projectsIssueCreate(project: \"github-a~acme/web\", title: \"Once\") { title }
        ...More
        projectsIssueCreate(project: \"github-a~acme/web\", title: \"Once\") { number }
    } fragment More on Mutation { projectsIssueCreate(project: \"github-a~acme/web\", title: \"Once\") { state } }";
    let made = data(&stage.gateway, query).await["projectsIssueCreate"].clone();
    assert_eq!(made["title"], "Once");
    assert!(made["number"].is_number() && made["state"].is_string(), "{made}");
    let created = stage
        .server("github-a")
        .requests()
        .arrived(&Method::POST, "/repos/acme/web/issues");
    assert_eq!((created, stage.asked("github") - before), (1, 1));
    // A model is asked once for two parts of its answer.
    let asked = "aiChatComplete(model: \"gpt-4o-mini\", prompt: \"say 2 words\", provider: \"openai-a\")";
    let query = format!("{{ {asked} {{ model }} {asked} {{ message {{ content }} }} }}");
    let said = data(&stage.gateway, &query).await["aiChatComplete"].clone();
    assert_eq!(said["message"]["content"], "word1 word2", "{said}");
    assert!(said["model"].is_string());
    let completed = stage
        .server("openai-a")
        .requests()
        .arrived(&Method::POST, "/v1/chat/completions");
    assert_eq!(completed, 1, "{:?}", stage.server("openai-a").requests());
    // Many of the same are no more work than they are long.
    let many = format!("{{ gitRepoGet(repo: \"acme/api\") {{ {} }} }}", "path ".repeat(1_900));
    assert_eq!(
        data(&stage.gateway, &many).await["gitRepoGet"],
        json!({ "path": "acme/api" })
    );
    stage.close().await;
}
