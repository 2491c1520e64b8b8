//! A gateway with `/mcp`, and a client that says what it is told to.

use serde_json::{Value, json};

use crate::harness::http::{Reply, send};
use crate::harness::{Setup, Stage};

pub const REVISION: &str = "2026-07-28";
pub const KEY: &str = "key-of-acme-0123456789";
pub const OTHER_KEY: &str = "key-of-other-0123456789";

/// Keys of two tenants, and whole tables beside them.
pub async fn open(tables: &str) -> Stage {
    let keys = "[keys.acme]\nkey = \"env:KEY_ACME\"\ntenant = \"acme\"\n[keys.other]\nkey = \"env:KEY_OTHER\"\ntenant = \"other\"\n\
                [tenants.acme]\n[tenants.other]\n";
    let named = |name: &str, key: &str| (name.to_owned(), key.to_owned());
    Stage::open(Setup {
        tables: format!("{tables}\n{keys}"),
        env: vec![named("KEY_ACME", KEY), named("KEY_OTHER", OTHER_KEY)],
        ..Setup::default()
    })
    .await
}

/// A request of the newest revision.
pub fn request(method: &str, mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(REVISION);
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1" });
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// The headers that such a request has.
pub fn headers(message: &Value) -> Vec<(String, String)> {
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut headers = vec![
        named("accept", "application/json, text/event-stream"),
        named("content-type", "application/json"),
        named("authorization", &format!("Bearer {KEY}")),
        named("mcp-protocol-version", REVISION),
    ];
    headers.extend(message["method"].as_str().map(|method| named("mcp-method", method)));
    let name = message["params"]["name"].as_str().or(message["params"]["uri"].as_str());
    headers.extend(name.map(|name| named("mcp-name", name)));
    headers
}

/// Sends a body with headers, of which an empty one is left out.
pub async fn post(stage: &Stage, path: &str, body: String, headers: &[(String, String)]) -> Reply {
    let url = format!("http://{}{path}", stage.gateway.public);
    let request = stage.gateway.client.0.post(url).body(body);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    send(request, &headers).await
}

/// Asks by a request of the newest revision.
pub async fn ask_at(stage: &Stage, path: &str, method: &str, params: Value) -> Value {
    let message = request(method, params);
    let reply = post(stage, path, message.to_string(), &headers(&message)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    match reply.header("content-type").starts_with("text/event-stream") {
        true => last_event(&reply.text),
        false => reply.json(),
    }
}

/// As [`ask_at`], at `/mcp`.
pub async fn ask(stage: &Stage, method: &str, params: Value) -> Value {
    ask_at(stage, "/mcp", method, params).await
}

/// The messages of a stream of events.
pub fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
}

fn last_event(text: &str) -> Value {
    events(text).pop().unwrap_or_else(|| panic!("no message: {text}"))
}

/// Calls a tool, and gives its result.
pub async fn call(stage: &Stage, name: &str, arguments: Value) -> Value {
    call_at(stage, "/mcp", name, arguments).await
}

/// As [`call`], with toolsets in the address.
pub async fn call_at(stage: &Stage, path: &str, name: &str, arguments: Value) -> Value {
    let answer = ask_at(
        stage,
        path,
        "tools/call",
        json!({ "name": name, "arguments": arguments }),
    )
    .await;
    assert!(answer["result"].is_object(), "{name}: {answer}");
    answer["result"].clone()
}

/// The names of the tools that a path shows.
pub async fn tools(stage: &Stage, path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut params = json!({});
    loop {
        let answer = ask_at(stage, path, "tools/list", params).await;
        let rows = answer["result"]["tools"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .clone();
        names.extend(
            rows.iter()
                .map(|tool| tool["name"].as_str().expect("a name").to_owned()),
        );
        match answer["result"]["nextCursor"].as_str() {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => return names,
        }
    }
}
