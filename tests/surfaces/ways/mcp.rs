//! MCP: a tool called by plain messages of the newest revision.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::{Asked, Way};
use crate::harness::http::send;
use crate::neutral::{Outcome, Told, answered, came, refused};
use crate::stage::Stage;

const REVISION: &str = "2026-07-28";
/// What names no tool that is shown.
const INVALID_PARAMS: i64 = -32602;

/// The surface.
pub struct Mcp;

impl Way for Mcp {
    fn name(&self) -> &'static str {
        "MCP"
    }

    fn ask<'a>(&'a self, stage: &'a Stage, asked: &'a Asked) -> BoxFuture<'a, Told> {
        async move {
            let name = asked.entry.name().replace('.', "_");
            let message = message(asked, &name);
            let mut request = stage.client.0.post(stage.url("/mcp?toolsets=all")).json(&message);
            if let Some(key) = asked.key.shown() {
                request = request.bearer_auth(key);
            }
            let headers = [
                ("accept", "application/json, text/event-stream"),
                ("mcp-protocol-version", REVISION),
                ("mcp-method", "tools/call"),
                ("mcp-name", &name),
            ];
            let reply = send(request, &headers).await;
            if reply.status != 200 {
                return refused(&reply.json());
            }
            let answer = match reply.header("content-type").starts_with("text/event-stream") {
                true => last_event(&reply.text),
                false => reply.json(),
            };
            told(asked, &answer)
        }
        .boxed()
    }
}

/// Options are beside the arguments, each by its name.
fn message(asked: &Asked, name: &str) -> Value {
    let mut meta: Map<String, Value> = Map::new();
    for (option, text) in asked.options.said() {
        meta.insert(format!("mosaic/{}", option.name), json!(text));
    }
    let protocol = [
        ("protocolVersion", json!(REVISION)),
        ("clientCapabilities", json!({})),
        ("clientInfo", json!({ "name": "test", "version": "1" })),
    ];
    meta.extend(protocol.map(|(name, value)| (format!("io.modelcontextprotocol/{name}"), value)));
    let mut arguments = asked.input.clone();
    if let Some((media_type, name, text)) = asked.file {
        let file = json!({ "content": text, "media_type": media_type, "name": name });
        arguments.insert("upload".to_owned(), file);
    }
    let params = json!({ "name": name, "arguments": arguments, "_meta": meta });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

fn last_event(text: &str) -> Value {
    let mut data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let last = data.rfind(|data| !data.trim().is_empty());
    let last = last.unwrap_or_else(|| panic!("no message: {text}"));
    serde_json::from_str(last.trim()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn told(asked: &Asked, answer: &Value) -> Told {
    if answer["error"]["code"] == INVALID_PARAMS {
        assert!(answer["error"].get("data").is_none(), "{answer}");
        return came(Outcome::NotShown);
    }
    let result = &answer["result"];
    let structure = &result["structuredContent"];
    if result["isError"] == true {
        return refused(&structure["error"]);
    }
    assert!(result.is_object(), "{answer}");
    if asked.entry.declaration.bytes {
        let file = &result["content"][0]["resource"];
        return came(Outcome::File {
            media_type: file["mimeType"].as_str().map(str::to_owned),
            bytes: file["text"].as_str().unwrap_or_else(|| panic!("{answer}")).into(),
        });
    }
    if asked.entry.declaration.facts.streaming {
        assert_eq!(structure["complete"], true, "{answer}");
        let events = structure["events"].as_array().expect("events").clone();
        return came(Outcome::Events(events));
    }
    let text = result["content"][0]["text"].as_str().expect("the same as text");
    let text: Value = serde_json::from_str(text).expect("the same as text");
    assert_eq!(text, *structure, "what models read is what programs read");
    answered(structure.clone())
}
