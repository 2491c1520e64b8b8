//! The administration among the tools: as far as the setting lets it, and the key was granted it by name.
//!
//! Invariant: without either there is nothing of it, and nothing tells that there could be.

use serde_json::{Value, json};

use crate::harness::{Setup, Stage};
use crate::stage::{KEY, ask_as, call_as, key_of, open_for, rows_as, tools_as};

const AT: &str = "/mcp?toolsets=core,admin";
const VIEWS: [&str; 2] = ["mosaic_admin_view", "mosaic_admin_dry_run"];
const ORDER: &str = "mosaic_admin_order";
/// One who may do all there is, one who may look, and two who may not.
const GRANTED: [(&str, &[&str]); 3] = [
    ("operator", &["*", "admin"]),
    ("looker", &["git:read", "admin:read"]),
    ("whole", &["*"]),
];

async fn shown(stage: &Stage, key: &str) -> Vec<String> {
    let mut names = tools_as(stage, key, AT).await;
    names.retain(|name| name.contains("admin"));
    names
}

/// Tools that are not shown are not there.
async fn lacks(stage: &Stage, key: &str, name: &str, arguments: &Value) {
    let params = json!({ "name": name, "arguments": arguments });
    let refused = ask_as(stage, key, AT, "tools/call", params).await;
    assert_eq!(refused["error"]["code"], -32602, "{name}: {refused}");
}

fn reset() -> Value {
    json!({ "order": "breaker.reset", "target": "github-a", "reason": "a test" })
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_off_nobody_has_it() {
    let stage = open_for("", &GRANTED).await;
    for key in [KEY, &key_of("operator"), &key_of("looker")] {
        assert_eq!(shown(&stage, key).await, [""; 0]);
        lacks(&stage, key, VIEWS[0], &json!({ "view": "tree" })).await;
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_read_those_look_who_were_granted_it_by_name() {
    let stage = open_for("[mcp]\nadmin = \"read\"", &GRANTED).await;
    for key in [KEY, &key_of("whole")] {
        assert_eq!(shown(&stage, key).await, [""; 0]);
        lacks(&stage, key, VIEWS[0], &json!({ "view": "tree" })).await;
    }
    for key in [key_of("operator"), key_of("looker")] {
        assert_eq!(shown(&stage, &key).await, VIEWS);
        lacks(&stage, &key, ORDER, &reset()).await;
        // Without its toolset it is not shown, and not there.
        let unasked = tools_as(&stage, &key, "/mcp").await;
        assert!(!unasked.iter().any(|name| name.contains("admin")), "{unasked:?}");
        let tree = call_as(&stage, &key, AT, VIEWS[0], json!({ "view": "tree" })).await;
        let text = tree["content"][0]["text"].as_str().unwrap_or_default();
        assert!(text.contains("github-a"), "{tree}");
        let wrong = call_as(&stage, &key, AT, VIEWS[0], json!({ "view": "trees" })).await;
        let error = &wrong["structuredContent"]["error"];
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!("invalid_input"), &json!("view")),
            "{wrong}"
        );
    }
    // What went wrong for one tenant, whoever runs the gateway may know.
    let failed = call_as(
        &stage,
        KEY,
        "/mcp",
        "git_pr_get",
        json!({ "pr": "github-a~acme/none#9" }),
    )
    .await;
    let id = &failed["structuredContent"]["error"]["request_id"];
    let decisions = json!({ "view": "decisions", "id": id });
    let decided = call_as(&stage, &key_of("looker"), AT, VIEWS[0], decisions).await;
    assert!(
        decided["structuredContent"].to_string().contains("git.pr.get"),
        "{decided}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_write_orders_are_carried_out_and_recorded() {
    let stage = open_for("[mcp]\nadmin = \"write\"", &GRANTED).await;
    let (operator, looker) = (key_of("operator"), key_of("looker"));
    assert_eq!(shown(&stage, &looker).await, VIEWS);
    lacks(&stage, &looker, ORDER, &reset()).await;
    let rows = rows_as(&stage, &operator, AT).await;
    for (name, reads) in [(VIEWS[0], true), (VIEWS[1], true), (ORDER, false)] {
        let tool = rows
            .iter()
            .find(|tool| tool["name"] == name)
            .unwrap_or_else(|| panic!("{name}"));
        let hints = &tool["annotations"];
        assert_eq!(
            (&hints["readOnlyHint"], &hints["destructiveHint"]),
            (&json!(reads), &json!(!reads)),
            "{name}"
        );
    }

    let breaker = async || {
        let shown = call_as(&stage, &looker, AT, VIEWS[0], json!({ "view": "breakers" })).await;
        shown["structuredContent"].to_string()
    };
    let forced = json!({ "order": "breaker.force_open", "target": "github-a" });
    let dry = call_as(&stage, &looker, AT, VIEWS[1], forced.clone()).await;
    assert_eq!(dry["structuredContent"]["dry_run"], true, "{dry}");
    assert!(dry["structuredContent"].to_string().contains("github-a"), "{dry}");
    assert!(!breaker().await.contains("forced"), "a dry run does nothing");

    let mut order = forced;
    for reason in ["", " ", "two\nlines", &"x".repeat(501)] {
        order["reason"] = json!(reason);
        let refused = call_as(&stage, &operator, AT, ORDER, order.clone()).await;
        assert_eq!(refused["structuredContent"]["error"]["field"], "reason", "{refused}");
    }
    order["reason"] = json!("a test");
    let done = call_as(&stage, &operator, AT, ORDER, order).await;
    assert!(done["isError"] != true, "{done}");
    assert!(breaker().await.contains("forced"), "{}", breaker().await);
    let done = call_as(&stage, &operator, AT, ORDER, reset()).await;
    assert!(done["isError"] != true, "{done}");

    let audit = format!("http://{}/admin/v1/audit", stage.gateway.admin);
    let bearer = format!("Bearer {operator}");
    let audit = stage
        .gateway
        .client
        .get_with(&audit, &[("authorization", &bearer)])
        .await
        .ok();
    let entries = audit["entries"].as_array().expect("entries").iter();
    let ours: Vec<&Value> = entries
        .filter(|entry| entry["identity"] == "operator" && entry["outcome"] == "ok")
        .collect();
    assert_eq!(ours.len(), 2, "{audit}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_has_a_key_whoever_comes_has_what_the_setting_allows() {
    let tables = "[mcp]\nadmin = \"read\"\ntoolsets = [\"admin\"]".to_owned();
    let stage = Stage::open(Setup {
        tables,
        ..Setup::default()
    })
    .await;
    let list = crate::stage::request("tools/list", json!({}));
    let mut headers = crate::stage::headers(&list);
    headers.retain(|(name, _)| name != "authorization");
    let reply = crate::stage::post(&stage, "/mcp", list.to_string(), &headers).await;
    let tools = reply.ok()["result"]["tools"].to_string();
    assert!(tools.contains(VIEWS[0]) && !tools.contains(ORDER), "{tools}");
    stage.close().await;
}
