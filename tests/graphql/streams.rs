//! Subscriptions as server-sent events: a model's words, a run's log, the feed.

use serde_json::{Value, json};

use super::harness::http::{Reply, send};
use super::{KEY, data, stage};
use crate::harness::Stage;

async fn streamed(stage: &Stage, query: &str) -> Reply {
    let url = format!("http://{}/graphql", stage.gateway.public);
    let request = stage
        .gateway
        .client
        .0
        .post(url)
        .bearer_auth(KEY)
        .json(&json!({ "query": query }));
    send(request, &[("accept", "text/event-stream")]).await
}

/// The answers of a stream that came to its end.
fn answers(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.header("content-type"), "text/event-stream", "{reply:?}");
    let mut events: Vec<(&str, &str)> = Vec::new();
    for event in reply.text.split("\n\n").filter(|event| !event.trim().is_empty()) {
        let part = |name| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        // What has no line of data is told to nobody by a browser.
        if let (Some(name), Some(data)) = (part("event:"), part("data:")) {
            events.push((name, data));
        }
    }
    assert_eq!(events.pop(), Some(("complete", "")), "{reply:?}");
    assert!(events.iter().all(|(name, _)| *name == "next"), "{events:?}");
    events
        .iter()
        .map(|(_, data)| serde_json::from_str(data).expect("JSON"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_models_words_come_one_by_one() {
    let stage = stage("").await;
    let asked = "model: \"gpt-4o-mini\", prompt: \"Say a few words\", provider: \"openai-a\"";
    let whole = data(
        &stage.gateway,
        &format!("{{ aiChatComplete({asked}) {{ message {{ content }} usage {{ outputTokens }} }} }}"),
    )
    .await;
    let whole = &whole["aiChatComplete"];
    let query = format!(
        "subscription {{ ...S }} fragment S on Subscription {{ aiChatStream({asked}) {{ __typename
         ... on ChatEventDelta {{ text }} ... on ChatEventEnd {{ finish }} ... on ChatEventUsage {{ usage {{ outputTokens }} }} }} }}"
    );
    let told = answers(&streamed(&stage, &query).await);
    let events: Vec<&Value> = told.iter().map(|answer| &answer["data"]["aiChatStream"]).collect();
    let text: String = events.iter().filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(Value::from(text), whole["message"]["content"], "{told:?}");
    assert!(
        events
            .iter()
            .any(|event| event["__typename"] == "ChatEventEnd" && event["finish"] == "STOP"),
        "{told:?}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_stream_is_one_answer_and_what_fails_ends_with_its_error() {
    let stage = stage("").await;
    let told = answers(&streamed(&stage, "{ gitRepoGet(repo: \"acme/api\") { path } }").await);
    assert_eq!(told, [json!({ "data": { "gitRepoGet": { "path": "acme/api" } } })]);
    let told = answers(
        &streamed(
            &stage,
            "subscription { cicdLogFollow(run: \"woodpecker-a~acme/api#999999\") { __typename } }",
        )
        .await,
    );
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["errors"][0]["extensions"]["code"], "not_found", "{told:?}");
    let refused = streamed(
        &stage,
        "subscription { a: events { __typename } b: events { __typename } }",
    )
    .await;
    assert_eq!(refused.json()["errors"][0]["extensions"]["code"], "invalid_input");
    let url = format!("http://{}/graphql", stage.gateway.public);
    let whole = json!({ "query": "subscription { events { __typename } }" });
    let refused = send(stage.gateway.client.0.post(url).bearer_auth(KEY).json(&whole), &[]).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let wrong = streamed(&stage, "subscription { events(type: \"git.prs\") { __typename } }").await;
    assert_eq!(answers(&wrong)[0]["errors"][0]["extensions"]["field"], "type");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runs_log_is_followed_to_its_end() {
    let stage = stage("").await;
    let started = data(
        &stage.gateway,
        "mutation { cicdRunTrigger(project: \"acme/api\", branch: \"main\", provider: \"woodpecker-a\") { outcome run { neutralId } } }",
    )
    .await;
    let run = started["cicdRunTrigger"]["run"]["neutralId"]
        .as_str()
        .expect("a run")
        .to_owned();
    let jobs = data(
        &stage.gateway,
        &format!("{{ cicdRunJobs(run: \"{run}\") {{ nodes {{ steps {{ id name }} }} }} }}"),
    )
    .await;
    let steps = jobs["cicdRunJobs"]["nodes"].as_array().expect("jobs").iter();
    let mut steps = steps.flat_map(|job| job["steps"].as_array().expect("steps"));
    let step = steps.find(|step| step["name"] == "test").expect("one that tests")["id"].clone();
    let query = format!(
        "subscription {{ cicdLogFollow(run: \"{run}\", step: {step}) {{ __typename ... on LogEventLine {{ seq text stream }} ... on LogEventEnd {{ status }} }} }}"
    );
    let told = answers(&streamed(&stage, &query).await);
    let events: Vec<&Value> = told.iter().map(|answer| &answer["data"]["cicdLogFollow"]).collect();
    assert!(events.iter().any(|event| event["text"].is_string()), "{told:?}");
    assert!(events.last().expect("some")["status"].is_string(), "{told:?}");
    stage.close().await;
}
