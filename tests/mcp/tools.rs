//! Tools: which are shown to whom, and what they answer.
//!
//! Invariant: what a tool answers, and what it refuses, is of the shape that it declares.

use std::collections::HashSet;

use mosaic::catalogue::OPERATIONS;
use serde_json::{Value, json};

use crate::stage::{
    KEY, ask, ask_as, call, call_as, call_at, events, headers, key_of, open, open_for, post, request, rows_as, tools,
    tools_as,
};

#[tokio::test(flavor = "multi_thread")]
async fn few_tools_are_shown_and_toolsets_widen_them() {
    let stage = open("").await;
    let core = tools(&stage, "/mcp").await;
    assert!((18..=28).contains(&core.len()), "{core:?}");
    assert!(
        core.contains(&"git_file_get".to_owned()) && core.contains(&"mosaic_explain".to_owned()),
        "{core:?}"
    );
    let all = tools(&stage, "/mcp?toolsets=all").await;
    let kept = OPERATIONS.iter().filter(|entry| !entry.declaration.facts.destructive);
    let names: HashSet<String> = kept.map(|entry| entry.name().replace('.', "_")).collect();
    let own = all.iter().filter(|name| !names.contains(*name));
    assert_eq!(
        own.collect::<Vec<_>>(),
        ["mosaic_instances", "mosaic_explain", "mosaic_route"]
    );
    let docs = tools(&stage, "/mcp?toolsets=docs").await;
    assert!(
        docs.contains(&"docs_page_move".to_owned()) && !docs.contains(&"git_file_get".to_owned()),
        "{docs:?}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_removes_something_takes_a_setting_and_a_grant() {
    let granted: [(&str, &[&str]); 2] = [("writer", &["git:read", "git:write"]), ("remover", &["git"])];
    let delete = json!({ "name": "git_repo_delete", "arguments": { "repo": "github-a~acme/none" } });
    let (writer, remover) = (key_of("writer"), key_of("remover"));
    let at = "/mcp?toolsets=all";

    let stage = open_for("", &granted).await;
    for key in [KEY, &writer, &remover] {
        let shown = rows_as(&stage, key, at).await;
        let destroys = |tool: &&Value| tool["annotations"]["destructiveHint"] != false;
        assert_eq!(shown.iter().find(destroys), None, "{key}");
        let refused = ask_as(&stage, key, at, "tools/call", delete.clone()).await;
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    stage.close().await;

    let stage = open_for("[mcp]\ndestructive = true", &granted).await;
    for key in [KEY, &remover] {
        let shown = rows_as(&stage, key, at).await;
        for entry in OPERATIONS
            .iter()
            .filter(|entry| entry.declaration.facts.service == "git")
        {
            let name = entry.name().replace('.', "_");
            let tool = shown
                .iter()
                .find(|tool| tool["name"] == name)
                .unwrap_or_else(|| panic!("{name}"));
            let facts = &entry.declaration.facts;
            let hints = json!({
                "title": entry.declaration.summary,
                "readOnlyHint": facts.safe,
                "destructiveHint": facts.destructive,
                "idempotentHint": facts.idempotent,
                "openWorldHint": true,
            });
            assert_eq!(tool["annotations"], hints, "{name}");
        }
        let failed = call_as(&stage, key, at, "git_repo_delete", delete["arguments"].clone()).await;
        assert_eq!(failed["structuredContent"]["error"]["code"], "not_found", "{failed}");
    }
    let shown = tools_as(&stage, &writer, at).await;
    assert!(shown.contains(&"git_repo_create".to_owned()), "{shown:?}");
    assert!(
        !shown
            .iter()
            .any(|name| name == "git_repo_delete" || name.starts_with("docs_")),
        "{shown:?}"
    );
    let refused = ask_as(&stage, &writer, at, "tools/call", delete).await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_answers_with_structure_and_text_and_tells_whence() {
    let stage = open("").await;
    let result = call(&stage, "git_repo_list", json!({ "limit": 2 })).await;
    let repo = &result["structuredContent"]["items"][0];
    assert!(repo["id"].is_string(), "{result}");
    let text = result["content"][0]["text"].as_str().expect("a text");
    assert_eq!(
        serde_json::from_str::<Value>(text).expect("JSON"),
        result["structuredContent"]
    );
    assert_eq!(result["resultType"], "complete");
    assert!(
        result["_meta"]["mosaic/provider"]
            .as_str()
            .is_some_and(|name| name.starts_with("github-")),
        "{result}"
    );
    let id = &result["_meta"]["mosaic/request_id"];
    let explained = call(&stage, "mosaic_explain", json!({ "id": id })).await;
    let decision = &explained["structuredContent"]["decisions"][0];
    assert_eq!(decision["call"]["operation"], "git.repo.list", "{explained}");
    let pinned = call(&stage, "git_repo_list", json!({ "provider": "github-b" })).await;
    assert_eq!(pinned["_meta"]["mosaic/provider"], "github-b");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_a_result_with_our_code() {
    let stage = open("").await;
    let refused = async |name: &str, arguments: Value| {
        let result = call(&stage, name, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        result["structuredContent"]["error"].clone()
    };
    let error = refused("git_pr_get", json!({ "pr": "github-a~acme/none#999999" })).await;
    assert_eq!(
        (&error["code"], &error["retryable"]),
        (&json!("not_found"), &json!(false)),
        "{error}"
    );
    let error = refused("git_file_get", json!({ "repo": "acme/api" })).await;
    assert_eq!(
        (&error["code"], &error["field"]),
        (&json!("invalid_input"), &json!("path")),
        "{error}"
    );
    let error = refused("git_repo_list", json!({ "provider": "githubb-a" })).await;
    assert!(
        error["detail"]
            .as_str()
            .is_some_and(|text| text.contains("did you mean github-a?")),
        "{error}"
    );

    let unknown = ask(
        &stage,
        "tools/call",
        json!({ "name": "git_repo_delete", "arguments": {} }),
    )
    .await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_call_went_as_it_did_and_where_one_would_go_is_told_to_its_own_tenant() {
    let stage = open("").await;
    let result = call(&stage, "git_pr_get", json!({ "pr": "github-a~acme/none#999999" })).await;
    let id = result["structuredContent"]["error"]["request_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let explained = call(&stage, "mosaic_explain", json!({ "id": id })).await;
    assert!(
        explained["structuredContent"]["decisions"][0].is_object(),
        "{explained}"
    );
    for name in ["git.repo.get", "git_repo_get"] {
        let dry = json!({ "operation": name, "input": { "repo": "acme/api" } });
        let dry = call(&stage, "mosaic_route", dry).await;
        assert_eq!(dry["structuredContent"]["call"]["operation"], "git.repo.get", "{dry}");
    }
    let instances = call(&stage, "mosaic_instances", json!({})).await;
    let told = instances["structuredContent"]["instances"]
        .as_array()
        .expect("instances");
    assert_eq!(told.len(), stage.sandbox.servers().len(), "{instances}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_are_cut_and_lead_to_the_rest() {
    let stage = open("[mcp]\nmax_answer = \"4KiB\"").await;
    let content = (0..2_000)
        .map(|n| format!("line {n} of a file that is long\n"))
        .collect::<String>();
    let repos = call(&stage, "git_repo_list", json!({ "limit": 1, "provider": "github-a" })).await;
    let repo = repos["structuredContent"]["items"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let branch = call(&stage, "git_branch_create", json!({ "repo": repo, "branch": "long" })).await;
    assert!(branch["isError"] != true, "{branch}");
    let message = "Add a long file";
    let put = json!({ "repo": repo, "branch": "long", "path": "long.txt", "content": content, "message": message });
    let put = call(&stage, "git_file_put", put).await;
    assert!(put["isError"] != true, "{put}");
    let got = call(
        &stage,
        "git_file_get",
        json!({ "repo": repo, "path": "long.txt", "ref": "long" }),
    )
    .await;
    assert!(
        got["structuredContent"].to_string().len() <= 4_200,
        "{}",
        got["structuredContent"].to_string().len()
    );
    let blocks = got["content"].as_array().expect("blocks");
    let link = blocks
        .iter()
        .find(|block| block["type"] == "resource_link")
        .unwrap_or_else(|| panic!("{got}"));
    // Part by part the whole of it is read.
    let (mut uri, mut whole) = (link["uri"].as_str().expect("an address").to_owned(), String::new());
    loop {
        let read = ask(&stage, "resources/read", json!({ "uri": uri })).await;
        let part = &read["result"]["contents"][0];
        whole += part["text"].as_str().unwrap_or_else(|| panic!("{read}"));
        match part["_meta"]["mosaic/next"].as_str() {
            Some(next) => uri = next.to_owned(),
            None => break,
        }
    }
    let whole: Value = serde_json::from_str(&whole).expect("JSON");
    assert_eq!(whole["content"], content);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_collected_and_tells_its_progress() {
    let stage = open("").await;
    let listed = call_at(&stage, "/mcp?toolsets=ai", "ai_models_list", json!({})).await;
    let model = listed["structuredContent"]["items"][0]["id"].as_str();
    let model = model.unwrap_or_else(|| panic!("{listed}"));
    let messages = json!([{ "role": "user", "content": "Say something." }]);
    let arguments = json!({ "model": model, "messages": messages });
    let mut message = request(
        "tools/call",
        json!({ "name": "ai_chat_stream", "arguments": arguments }),
    );
    message["params"]["_meta"]["progressToken"] = json!(7);
    let reply = post(&stage, "/mcp?toolsets=ai", message.to_string(), &headers(&message)).await;
    assert_eq!(reply.header("content-type"), "text/event-stream", "{reply:?}");
    let mut told = events(&reply.text);
    let result = told.pop().unwrap_or_else(|| panic!("{reply:?}"))["result"].take();
    assert!(!told.is_empty(), "{reply:?}");
    let mut steps = 0.0;
    for told in told {
        assert_eq!(
            (&told["method"], &told["params"]["progressToken"]),
            (&json!("notifications/progress"), &json!(7))
        );
        let step = told["params"]["progress"].as_f64().expect("a number");
        assert!(step > steps, "{told}");
        steps = step;
    }
    assert_eq!(result["structuredContent"]["complete"], true, "{result}");
    assert!(
        result["structuredContent"]["events"]
            .as_array()
            .is_some_and(|events| events.len() > 1),
        "{result}"
    );
    stage.close().await;
}
