//! Errors, and how HTTP tells them.

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::http::{Reply, send};
use super::{KEY, ask, data, post, stage};
use crate::harness::Stage;

const REPO: &str = "{ gitRepoGet(repo: \"acme/api\") { path } }";

/// Asks by a link.
pub async fn get(stage: &Stage, query: &[(&str, &str)], headers: &[(&str, &str)]) -> Reply {
    let url = format!("http://{}/graphql", stage.gateway.public);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let request = stage.gateway.client.0.request(Method::GET, format!("{url}?{query}"));
    send(request.bearer_auth(KEY), headers).await
}

fn code(reply: &Reply) -> String {
    reply.json()["errors"][0]["extensions"]["code"]
        .as_str()
        .expect("a code")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_a_problems_members() {
    let stage = stage("").await;
    let told = ask(&stage.gateway, "{ gitRepoGet(repo: \"github-a~acme/none\") { path } }").await;
    let error = &told["errors"][0];
    let extensions = &error["extensions"];
    assert_eq!(
        (&extensions["code"], &extensions["retryable"]),
        (&json!("not_found"), &json!(false)),
        "{told}"
    );
    assert_eq!(extensions["type"], "/docs/errors/not_found");
    assert!(extensions["request_id"].is_string() && !error["message"].as_str().unwrap_or_default().is_empty());
    assert_eq!(error["locations"][0]["line"], 1);
    // What GraphQL's own rules refuse has a code, too.
    let told = ask(&stage.gateway, "{ gitRepoGet(repo: \"acme/api\") { colour } }").await;
    assert_eq!(told["errors"][0]["extensions"]["code"], "invalid_input", "{told}");
    assert!(told.get("data").is_none());
    // The same request id, and what was decided.
    let headers = [("x-mosaic-explain", "true"), ("x-request-id", "asked-by-graphql")];
    let told = post(&stage.gateway, &json!({ "query": REPO }), &headers).await;
    assert_eq!(told.header("x-request-id"), "asked-by-graphql");
    let decision = &told.ok()["extensions"]["decisions"][0];
    assert_eq!(decision["operation"], "git.repo.get");
    assert_eq!(decision["decision"]["id"], "asked-by-graphql", "{decision}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_as_the_media_type_has_it() {
    let stage = stage("").await;
    let graphql = [("accept", "application/graphql-response+json")];
    let sound = post(&stage.gateway, &json!({ "query": REPO }), &graphql).await;
    assert_eq!(
        (sound.status, sound.header("content-type")),
        (200, "application/graphql-response+json")
    );
    for wrong in ["{ nothing }", "{ gitRepoGet(", ""] {
        let refused = post(&stage.gateway, &json!({ "query": wrong }), &graphql).await;
        assert_eq!(
            (refused.status, refused.header("content-type")),
            (400, "application/graphql-response+json")
        );
        let refused = post(
            &stage.gateway,
            &json!({ "query": wrong }),
            &[("accept", "application/json")],
        )
        .await;
        assert_eq!(
            (refused.status, refused.header("content-type")),
            (200, "application/json")
        );
        assert_eq!(code(&refused), "invalid_input");
    }
    // Part of the answer is an answer.
    let part = post(
        &stage.gateway,
        &json!({ "query": "{ gitRepoGet(repo: \"github-a~acme/none\") { path } }" }),
        &graphql,
    )
    .await;
    assert_eq!(part.status, 200);
    let url = format!("http://{}/graphql", stage.gateway.public);
    let nobody = send(stage.gateway.client.0.post(&url).json(&json!({ "query": REPO })), &[]).await;
    assert_eq!((nobody.status, code(&nobody)), (401, "unauthenticated".to_owned()));
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_query_that_rest_answers_to_a_get_is_answered_to_one() {
    let stage = stage("").await;
    let variables = json!({ "repo": "acme/api" }).to_string();
    let query = "query Q($repo: String!) { gitRepoGet(repo: $repo) { path } }";
    let asked = get(
        &stage,
        &[("query", query), ("variables", &variables), ("operationName", "Q")],
        &[],
    )
    .await
    .ok();
    assert_eq!(asked["data"]["gitRepoGet"]["path"], "acme/api");
    // Whoever offers another protocol means the request all the same.
    let offered = [
        ("connection", "upgrade, http2-settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABk"),
    ];
    let told = get(&stage, &[("query", "{ __typename }")], &offered).await.ok();
    assert_eq!(told["data"]["__typename"], "Query");
    for refused in [
        "mutation { gitRepoDelete(repo: \"acme/web\") { outcome } }",
        "{ aiChatComplete(model: \"gpt-4o-mini\", prompt: \"hi\") { model } }",
    ] {
        let refused = get(&stage, &[("query", refused)], &[]).await;
        assert_eq!((refused.status, refused.header("allow")), (405, "POST"), "{refused:?}");
    }
    for wrong in [
        &[("query", REPO), ("colour", "red")][..],
        &[("query", REPO), ("query", REPO)],
        &[("query", REPO), ("variables", "[")],
        &[("variables", "{}")],
    ] {
        let refused = get(&stage, wrong, &[]).await;
        assert_eq!(code(&refused), "invalid_input", "{wrong:?}");
    }
    // Nothing that a form of another site can send is taken.
    let url = format!("http://{}/graphql", stage.gateway.public);
    let body = json!({ "query": "mutation { gitRepoDelete(repo: \"acme/web\") { outcome } }" }).to_string();
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
    ] {
        let request = stage.gateway.client.0.post(&url).bearer_auth(KEY).body(body.clone());
        let refused = send(request, &[("content-type", media_type)]).await;
        assert_eq!(refused.status, 415, "{media_type}");
    }
    assert_eq!(
        data(&stage.gateway, "{ gitRepoGet(repo: \"acme/web\") { path } }").await["gitRepoGet"]["path"],
        "acme/web"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_under_a_key_is_done_once() {
    let stage = stage("").await;
    let query = "mutation($title: String!) {
        projectsIssueCreate(project: \"github-a~acme/web\", title: $title, idempotencyKey: \"once-only\") { neutralId } }";
    let asked = |title: &str| json!({ "query": query, "variables": { "title": title } });
    let first = post(&stage.gateway, &asked("One"), &[]).await.ok();
    let again = post(&stage.gateway, &asked("One"), &[]).await.ok();
    assert!(first["data"]["projectsIssueCreate"]["neutralId"].is_string(), "{first}");
    assert_eq!(first["data"], again["data"]);
    let other: Value = post(&stage.gateway, &asked("Other"), &[]).await.ok();
    assert_eq!(other["errors"][0]["extensions"]["field"], "idempotencyKey", "{other}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_argument_that_is_at_fault_is_named() {
    let stage = stage("").await;
    for (query, field) in [
        (
            "{ gitBranchList(repo: \"acme/api\", colour: \"red\") { nodes { name } } }",
            "colour",
        ),
        (
            "mutation { projectsIssueCreate(project: \"acme/web\") { id } }",
            "title",
        ),
        (
            "{ projectsIssueList(project: \"acme/web\", state: ODD) { nodes { id } } }",
            "state",
        ),
        ("{ gitRepoList(first: \"many\") { nodes { path } } }", "first"),
        ("{ nothing }", "query"),
        ("{ gitRepoGet(repo: \"acme/api\") { colour } }", "query"),
    ] {
        let told = ask(&stage.gateway, query).await;
        let extensions = &told["errors"][0]["extensions"];
        assert_eq!(
            (&extensions["code"], &extensions["field"]),
            (&json!("invalid_input"), &json!(field)),
            "{query}: {told}"
        );
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_of_a_batch_tells_its_own_decisions() {
    let stage = stage("").await;
    let other = "{ gitRepoGet(repo: \"acme/web\") { path } }";
    let both = format!(
        "{{ a: {} b: {} }}",
        &REPO[2..REPO.len() - 2],
        &other[2..other.len() - 2]
    );
    let asked = |query: &str| json!({ "query": query });
    let batch = json!([asked(REPO), asked(other), asked(&both), asked("{ nothing }")]);
    let told = post(&stage.gateway, &batch, &[("x-mosaic-explain", "true")]).await.ok();
    let resources = |at: usize| -> Vec<String> {
        let decisions = told[at]["extensions"]["decisions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let resource = |told: &Value| {
            told["decision"]["call"]["resource"]
                .as_str()
                .expect("a resource")
                .to_owned()
        };
        let mut all: Vec<String> = decisions.iter().map(resource).collect();
        all.sort();
        all
    };
    assert_eq!(resources(0), ["acme/api"], "{told:#}");
    assert_eq!(resources(1), ["acme/web"], "{told:#}");
    assert_eq!(resources(2), ["acme/api", "acme/web"], "{told:#}");
    assert!(resources(3).is_empty(), "{told:#}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_tells_what_its_tenants_rate_leaves() {
    let stage = stage("[tenants.default]\nrate_per_second = 1\nburst = 3").await;
    let request = json!({ "query": REPO });
    let reply = post(&stage.gateway, &request, &[]).await;
    let url = format!("http://{}/v1/git/repos/acme/api", stage.gateway.public);
    let rest = send(stage.gateway.client.0.get(url).bearer_auth(KEY), &[]).await;
    for header in ["ratelimit", "ratelimit-policy"] {
        assert!(reply.header(header).starts_with("\"tenant\";"), "{header}: {reply:?}");
    }
    assert_eq!(reply.header("ratelimit-policy"), rest.header("ratelimit-policy"));
    // The rate is one: it is used up sooner than it comes back.
    let batch: Vec<Value> = (0..9)
        .map(|at| json!({ "query": format!("{{ gitRepoGet(repo: \"acme/n{at}\") {{ path }} }}") }))
        .collect();
    let refused = post(&stage.gateway, &json!(batch), &[]).await;
    assert!(refused.text.contains("rate_limited"), "{refused:?}");
    stage.close().await;
}
