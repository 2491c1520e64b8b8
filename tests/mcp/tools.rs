//! What an agent sees and does: tools, resources, prompts and completion.

use mosaic::catalogue::OPERATIONS;
use serde_json::{Value, json};

use crate::stage::{ask, call, call_at, open, tools};

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
    let removing = |name: &str| name.contains("delete");
    assert!(!all.iter().any(|name| removing(name)), "{all:?}");
    let kept = OPERATIONS.iter().filter(|entry| !entry.declaration.removes());
    let there = kept
        .filter(|entry| all.contains(&entry.name().replace('.', "_")))
        .count();
    assert_eq!(there + 3, all.len(), "{all:?}");
    let docs = tools(&stage, "/mcp?toolsets=docs").await;
    assert!(
        docs.contains(&"docs_page_move".to_owned()) && !docs.contains(&"git_file_get".to_owned()),
        "{docs:?}"
    );
    stage.close().await;

    let stage = open("[mcp]\ndestructive = true\ntoolsets = [\"git\"]").await;
    assert!(tools(&stage, "/mcp").await.contains(&"git_repo_delete".to_owned()));
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
    let dry = json!({ "operation": "git.repo.get", "input": { "repo": "acme/api" } });
    let dry = call(&stage, "mosaic_route", dry).await;
    assert!(dry["structuredContent"].is_object() && dry["isError"] != true, "{dry}");
    let instances = call(&stage, "mosaic_instances", json!({})).await;
    let told = instances["structuredContent"]["instances"]
        .as_array()
        .expect("instances");
    assert_eq!(told.len(), stage.sandbox.servers().len(), "{instances}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administration_is_there_where_it_is_allowed_and_as_far() {
    let view = json!({ "view": "breakers" });
    let order = json!({ "order": "breaker.reset", "target": "github-a", "reason": "a test" });
    let stage = open("").await;
    assert!(
        !tools(&stage, "/mcp?toolsets=all")
            .await
            .iter()
            .any(|name| name.contains("admin"))
    );
    stage.close().await;

    let stage = open("[mcp]\nadmin = \"read\"").await;
    assert!(!tools(&stage, "/mcp").await.iter().any(|name| name.contains("admin")));
    let shown = call_at(&stage, "/mcp?toolsets=admin", "mosaic_admin_view", view).await;
    assert!(
        shown["structuredContent"].is_object() && shown["isError"] != true,
        "{shown}"
    );
    let tree = call_at(
        &stage,
        "/mcp?toolsets=admin",
        "mosaic_admin_view",
        json!({ "view": "tree" }),
    )
    .await;
    assert!(
        tree["content"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("github-a")),
        "{tree}"
    );
    assert!(
        !tools(&stage, "/mcp?toolsets=admin")
            .await
            .contains(&"mosaic_admin_order".to_owned())
    );
    stage.close().await;

    let stage = open("[mcp]\nadmin = \"write\"").await;
    let dry = call_at(&stage, "/mcp?toolsets=admin", "mosaic_admin_order", order.clone()).await;
    assert_eq!(dry["structuredContent"]["dry_run"], true, "{dry}");
    let mut done = order;
    done["dry_run"] = json!(false);
    let done = call_at(&stage, "/mcp?toolsets=admin", "mosaic_admin_order", done).await;
    assert!(done["isError"] != true, "{done}");
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
    let put = json!({ "repo": repo, "path": "long.txt", "content": content, "message": "Add a long file" });
    let put = call(&stage, "git_file_put", put).await;
    assert!(put["isError"] != true, "{put}");
    let got = call(&stage, "git_file_get", json!({ "repo": repo, "path": "long.txt" })).await;
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
async fn a_stream_is_collected_and_tells_its_progress() {
    let stage = open("").await;
    let arguments = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Say something." }] });
    let listed = call_at(&stage, "/mcp?toolsets=ai", "ai_models_list", json!({})).await;
    let model = listed["structuredContent"]["items"][0]["id"]
        .as_str()
        .map(str::to_owned);
    let mut arguments = arguments;
    arguments["model"] = json!(model.unwrap_or_else(|| panic!("{listed}")));
    let result = call_at(&stage, "/mcp?toolsets=ai", "ai_chat_stream", arguments).await;
    assert_eq!(result["structuredContent"]["complete"], true, "{result}");
    assert!(
        result["structuredContent"]["events"]
            .as_array()
            .is_some_and(|events| events.len() > 1),
        "{result}"
    );
    stage.close().await;
}
