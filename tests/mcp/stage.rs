//! A gateway with `/mcp`, and a client that says what it is told to.
//!
//! Invariant: what is asked here is answered as the newest revision has it, or the test fails.

use mosaic::sandbox::{Effect, Fault};
use serde_json::{Value, json};

use crate::harness::http::{Reply, send};
use crate::harness::{Setup, Stage};

pub const REVISION: &str = "2026-07-28";
pub const KEY: &str = "key-of-acme-0123456789";
pub const OTHER_KEY: &str = "key-of-other-0123456789";

/// Keys of two tenants, and whole tables beside them.
pub async fn open(tables: &str) -> Stage {
    open_for(tables, &[]).await
}

/// As [`open`], with further keys of the first tenant: each its own identity, with these scopes.
pub async fn open_for(tables: &str, granted: &[(&str, &[&str])]) -> Stage {
    // A client that falls silent within a message is given up sooner than usual.
    open_with("header_read_timeout = \"2s\"", tables, granted).await
}

/// As [`open_for`], with lines of `[server]`.
pub async fn open_with(server: &str, tables: &str, granted: &[(&str, &[&str])]) -> Stage {
    let keys = "[keys.acme]\nkey = \"env:KEY_ACME\"\ntenant = \"acme\"\n[keys.other]\nkey = \"env:KEY_OTHER\"\ntenant = \"other\"\n\
                [tenants.acme]\n[tenants.other]\n";
    let named = |name: &str, key: &str| (name.to_owned(), key.to_owned());
    let mut env = vec![named("KEY_ACME", KEY), named("KEY_OTHER", OTHER_KEY)];
    let mut tables = format!("{tables}\n{keys}");
    for (key, scopes) in granted {
        let variable = format!("KEY_{}", key.to_uppercase().replace('-', "_"));
        tables += &format!("[keys.{key}]\nkey = \"env:{variable}\"\ntenant = \"acme\"\nscopes = {scopes:?}\n");
        env.push((variable, key_of(key)));
    }
    Stage::open(Setup {
        server: server.to_owned(),
        tables,
        env,
        ..Setup::default()
    })
    .await
}

/// The key that one of [`open_for`] shows.
pub fn key_of(name: &str) -> String {
    format!("key-of-{name}-0123456789")
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
    ask_as(stage, KEY, path, method, params).await
}

/// As [`ask_at`], by another key.
pub async fn ask_as(stage: &Stage, key: &str, path: &str, method: &str, params: Value) -> Value {
    let message = request(method, params);
    let mut headers = headers(&message);
    headers.retain(|(name, _)| name != "authorization");
    headers.push(("authorization".to_owned(), format!("Bearer {key}")));
    let reply = post(stage, path, message.to_string(), &headers).await;
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
    call_as(stage, KEY, path, name, arguments).await
}

/// As [`call_at`], by another key.
pub async fn call_as(stage: &Stage, key: &str, path: &str, name: &str, arguments: Value) -> Value {
    let params = json!({ "name": name, "arguments": arguments });
    let answer = ask_as(stage, key, path, "tools/call", params).await;
    assert!(answer["result"].is_object(), "{name}: {answer}");
    answer["result"].clone()
}

/// The names of the tools that a path shows.
pub async fn tools(stage: &Stage, path: &str) -> Vec<String> {
    tools_as(stage, KEY, path).await
}

/// As [`tools`], by another key.
pub async fn tools_as(stage: &Stage, key: &str, path: &str) -> Vec<String> {
    let rows = rows_as(stage, key, path).await;
    let name = |tool: &Value| tool["name"].as_str().expect("a name").to_owned();
    rows.iter().map(name).collect()
}

/// All pages of the tools that a path shows a key.
pub async fn rows_as(stage: &Stage, key: &str, path: &str) -> Vec<Value> {
    let (mut rows, mut params) = (Vec::new(), json!({}));
    loop {
        let answer = ask_as(stage, key, path, "tools/list", params).await;
        let page = answer["result"]["tools"].as_array();
        rows.extend(page.unwrap_or_else(|| panic!("{answer}")).iter().cloned());
        match answer["result"]["nextCursor"].as_str() {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => return rows,
        }
    }
}

/// How many calls are in flight, as the administration has it.
pub async fn in_flight(stage: &Stage) -> u64 {
    let calls = stage.gateway.admin("/admin/v1/calls").await.ok();
    calls["in_flight"].as_u64().unwrap_or_else(|| panic!("{calls}"))
}

/// Waits until no call is.
pub async fn idle(stage: &Stage) {
    crate::harness::soon("every call has ended", async || {
        (in_flight(stage).await == 0).then_some(())
    })
    .await;
}

/// Has a server answer nothing, and tells how many requests it had before.
pub fn hangs(stage: &Stage, server: &str) -> u64 {
    let server = stage.server(server);
    let hang = Fault::new(Effect::Hang { processed: false });
    server.faults().add(hang).expect("a fault");
    server.requests().total
}

/// Waits until a server has been asked more often than `before`.
pub async fn asked(stage: &Stage, server: &str, before: u64) {
    let server = stage.server(server);
    crate::harness::soon("the provider is asked", async || {
        (server.requests().total > before).then_some(())
    })
    .await;
}
