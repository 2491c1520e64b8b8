//! What an agent may read beside what it may do: resources, prompts, and the completion of their arguments.
//!
//! Invariant: what is not there for a caller is unknown to it, in the words of what never was.

use serde_json::{Value, json};

use crate::stage::{ask, ask_as, key_of, open, open_for};

#[tokio::test(flavor = "multi_thread")]
async fn resources_have_roots_templates_and_completion() {
    let stage = open("").await;
    let roots = ask(&stage, "resources/list", json!({})).await;
    let uris: Vec<&str> = roots["result"]["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .filter_map(|row| row["uri"].as_str())
        .collect();
    assert!(uris.contains(&"mosaic:///v1/git/repos"), "{uris:?}");
    assert_eq!(roots["result"]["cacheScope"], "private", "{roots}");
    let read = ask(
        &stage,
        "resources/read",
        json!({ "uri": "mosaic:///v1/git/repos?limit=1" }),
    )
    .await;
    assert_eq!(read["result"]["contents"][0]["mimeType"], "application/json", "{read}");

    let templates = ask(&stage, "resources/templates/list", json!({})).await;
    let rows = templates["result"]["resourceTemplates"].as_array().expect("templates");
    let file = rows
        .iter()
        .find(|row| row["name"] == "git.file.get")
        .expect("files are resources");
    let reference = json!({ "type": "ref/resource", "uri": file["uriTemplate"] });
    let argument = json!({ "name": "repo", "value": "a" });
    let completed = ask(
        &stage,
        "completion/complete",
        json!({ "ref": reference, "argument": argument }),
    )
    .await;
    let values = completed["result"]["completion"]["values"].as_array().expect("values");
    assert!(!values.is_empty(), "{completed}");

    let none = ask(&stage, "resources/read", json!({ "uri": "mosaic:///v1/no/such" })).await;
    assert_eq!(none["error"]["code"], -32602, "{none}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_name_tools_and_take_their_arguments() {
    let stage = open("").await;
    let listed = ask(&stage, "prompts/list", json!({})).await;
    assert_eq!(
        listed["result"]["prompts"].as_array().map(Vec::len),
        Some(5),
        "{listed}"
    );
    let got = ask(
        &stage,
        "prompts/get",
        json!({ "name": "explain_failed_run", "arguments": { "run": "ci~7" } }),
    )
    .await;
    let text = got["result"]["messages"][0]["content"]["text"]
        .as_str()
        .expect("a text");
    assert!(text.contains("ci~7") && text.contains("`cicd_log_get`"), "{text}");
    let refused = ask(
        &stage,
        "prompts/get",
        json!({ "name": "explain_failed_run", "arguments": {} }),
    )
    .await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    assert_eq!(refused["error"]["data"]["field"], "run", "{refused}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_and_a_prompt_are_there_for_whom_their_operations_are() {
    let stage = open_for("", &[("reader", &["git:read"])]).await;
    let key = key_of("reader");
    let asked = async |method: &str, params: Value| ask_as(&stage, &key, "/mcp", method, params).await;
    let roots = asked("resources/list", json!({})).await;
    let uris = roots["result"]["resources"].to_string();
    assert!(uris.contains("/v1/git/") && !uris.contains("/v1/docs/"), "{uris}");
    let templates = asked("resources/templates/list", json!({})).await["result"]["resourceTemplates"].to_string();
    assert!(
        templates.contains("git.file.get") && !templates.contains("docs.page.get"),
        "{templates}"
    );
    let prompts = asked("prompts/list", json!({})).await;
    assert_eq!(prompts["result"]["prompts"], json!([]), "{prompts}");

    let forbidden = asked("resources/read", json!({ "uri": "mosaic:///v1/docs/spaces" })).await;
    let unknown = asked("resources/read", json!({ "uri": "mosaic:///v1/no/such" })).await;
    assert_eq!(
        forbidden["error"]["message"], unknown["error"]["message"],
        "{forbidden} {unknown}"
    );
    let prompt = json!({ "name": "answer_from_docs", "arguments": { "question": "Why?" } });
    let refused = asked("prompts/get", prompt).await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    // Nothing of what is not there is asked for, to complete a name.
    let reference = json!({ "type": "ref/resource", "uri": "mosaic:///v1/docs/pages/{page}" });
    let argument = json!({ "name": "page", "value": "" });
    let completed = asked("completion/complete", json!({ "ref": reference, "argument": argument })).await;
    assert_eq!(completed["result"]["completion"]["values"], json!([]), "{completed}");
    stage.close().await;
}
