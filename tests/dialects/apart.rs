//! Two tenants before one instance of each vendor: whose files, batches and stored responses are whose.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::http::{Reply, send};
use crate::place::{KEY, OTHERS, OTHERS_KEY, Place};
use crate::rows::chat;

/// The two who come, and what each asks by.
const BOTH: [&str; 2] = [KEY, OTHERS_KEY];

async fn ask(place: &Place, key: &str, method: Method, path: &str, body: Option<&Value>) -> Reply {
    let request = place.gateway.client.0.request(method, place.url(path)).bearer_auth(key);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    send(request, &[]).await
}

async fn get(place: &Place, key: &str, path: &str) -> Reply {
    ask(place, key, Method::GET, path, None).await
}

async fn post(place: &Place, key: &str, path: &str, body: &Value) -> Reply {
    ask(place, key, Method::POST, path, Some(body)).await
}

/// A file of requests that the first of them brings.
async fn file(place: &Place) -> String {
    let line = json!({"custom_id": "r", "method": "POST", "url": "/v1/chat/completions",
        "body": chat("sandbox-large", "hi")});
    let form = format!(
        "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{line}\r\n--x--\r\n"
    );
    let request = place.ask(Method::POST, "/openai/v1/files").body(form);
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    id(&send(request, &[]).await.ok())
}

fn id(shown: &Value) -> String {
    shown["id"]
        .as_str()
        .unwrap_or_else(|| panic!("an id: {shown}"))
        .to_owned()
}

fn native(id: &str) -> &str {
    id.split_once('~').expect("a neutral id").1
}

/// The ids of a list.
async fn listed(place: &Place, key: &str, path: &str, rows: &str) -> Vec<String> {
    let page = get(place, key, path).await.ok();
    let rows = page[rows].as_array().unwrap_or_else(|| panic!("rows: {page}"));
    rows.iter().map(id).collect()
}

/// Everything that is asked of a thing by its id: the first gets it, and the other is told that there is none.
async fn is_the_firsts(place: &Place, asked: &[(Method, String, Option<Value>)]) {
    for (method, path, body) in asked {
        let other = ask(place, OTHERS_KEY, method.clone(), path, body.as_ref()).await;
        assert_eq!(other.status, 404, "{method} {path}: {other:?}");
    }
    for (method, path, body) in asked {
        let first = ask(place, KEY, method.clone(), path, body.as_ref()).await;
        assert_eq!(first.status, 200, "{method} {path}: {first:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_seen_by_its_tenant_alone_at_every_door() {
    let place = Place::with(OTHERS).await;
    let file = file(&place).await;
    let native = native(&file);
    let part = json!({"role": "user", "content": [{"type": "file", "file": native}]});
    let with_it = json!({"model": "openai-a~sandbox-large", "messages": [part]});
    let query = json!({"query": format!("{{ aiFileGet(file: \"{file}\") {{ name }} }}")});
    for path in ["/openai/v1/files", "/openai/v1/files?limit=5"] {
        assert_eq!(listed(&place, KEY, path, "data").await, [&*file], "{path}");
        assert!(listed(&place, OTHERS_KEY, path, "data").await.is_empty(), "{path}");
    }
    for path in ["/v1/ai/files?provider=openai-a", "/v1/ai/files?provider=all"] {
        assert_eq!(listed(&place, KEY, path, "items").await, [&*file], "{path}");
        assert!(listed(&place, OTHERS_KEY, path, "items").await.is_empty(), "{path}");
    }
    let graphql = post(&place, OTHERS_KEY, "/graphql", &query).await.json();
    assert_eq!(graphql["errors"][0]["extensions"]["code"], "not_found", "{graphql}");
    assert!(post(&place, KEY, "/graphql", &query).await.json()["errors"].is_null());
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}, "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"}});
    let tool = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "ai_file_get", "arguments": {"file": file}, "_meta": meta}});
    for (key, is_absent) in [(OTHERS_KEY, true), (KEY, false)] {
        let headers = [
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "ai_file_get"),
        ];
        let url = place.url("/mcp?toolsets=all");
        let request = place.gateway.client.0.post(url).bearer_auth(key).json(&tool);
        let reply = send(request, &headers).await;
        assert_eq!(
            (reply.status, reply.text.contains("not_found")),
            (200, is_absent),
            "{reply:?}"
        );
    }
    is_the_firsts(
        &place,
        &[
            (Method::GET, format!("/v1/ai/files/{file}"), None),
            (Method::GET, format!("/v1/ai/files/{file}/content"), None),
            (Method::GET, format!("/openai/v1/files/{file}"), None),
            (Method::GET, format!("/openai/v1/files/{native}"), None),
            (Method::GET, format!("/openai/v1/files/{native}/content"), None),
            (Method::POST, "/v1/ai/chat/complete".to_owned(), Some(with_it)),
            (Method::DELETE, format!("/v1/ai/files/{file}"), None),
        ],
    )
    .await;
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_and_what_came_of_it_are_seen_by_their_tenant_alone() {
    let place = Place::with(OTHERS).await;
    let file = file(&place).await;
    let order = json!({"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"});
    assert_eq!(post(&place, OTHERS_KEY, "/openai/v1/batches", &order).await.status, 404);
    let ordered = id(&post(&place, KEY, "/openai/v1/batches", &order).await.ok());
    let anthropic =
        json!({"requests": [{"custom_id": "a", "chat": {"model": "anthropic-a~sandbox-large", "prompt": "hi"}}]});
    let neutral = id(&post(&place, KEY, "/v1/ai/batches", &anthropic).await.ok());
    for batch in [&ordered, &neutral] {
        // It moves on by being looked at.
        let mut shown = Value::Null;
        for _ in 0..10 {
            shown = get(&place, KEY, &format!("/v1/ai/batches/{batch}?no_cache=true"))
                .await
                .ok();
            if shown["ended_at"].is_string() {
                break;
            }
        }
        let mut asked = vec![
            (Method::GET, format!("/v1/ai/batches/{batch}"), None),
            (Method::GET, format!("/v1/ai/batches/{batch}/results"), None),
        ];
        for name in ["requests", "results"] {
            if let Some(file) = shown["files"][name].as_str() {
                asked.push((Method::GET, format!("/v1/ai/files/{file}/content"), None));
            }
        }
        is_the_firsts(&place, &asked).await;
        let other = post(
            &place,
            OTHERS_KEY,
            &format!("/v1/ai/batches/{batch}/cancel"),
            &json!({}),
        )
        .await;
        assert_eq!(other.status, 404, "{other:?}");
    }
    let all = "/v1/ai/batches?provider=all";
    let mut firsts = listed(&place, KEY, all, "items").await;
    firsts.sort();
    assert_eq!(firsts, [&*neutral, &*ordered]);
    assert!(listed(&place, OTHERS_KEY, all, "items").await.is_empty());
    assert!(
        listed(&place, OTHERS_KEY, "/openai/v1/batches", "data")
            .await
            .is_empty()
    );
    assert!(
        listed(&place, OTHERS_KEY, "/anthropic/v1/messages/batches", "data")
            .await
            .is_empty()
    );
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_answer_is_read_and_gone_on_from_by_its_tenant_alone() {
    let place = Place::with(OTHERS).await;
    let asked = |previous: Option<&str>| {
        let mut body = json!({"model": "openai-a~sandbox-large", "input": "hi"});
        if let Some(previous) = previous {
            body["previous_response_id"] = previous.into();
        }
        body
    };
    let whole = id(&post(&place, KEY, "/openai/v1/responses", &asked(None)).await.ok());
    let mut streamed = asked(None);
    streamed["stream"] = true.into();
    let streamed = post(&place, KEY, "/openai/v1/responses", &streamed).await;
    let first = streamed
        .text
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .expect("an event");
    let first: Value = serde_json::from_str(first).expect("JSON");
    let neutral = json!({"model": "openai-a~sandbox-large", "prompt": "hi"});
    let neutral = post(&place, KEY, "/v1/ai/responses/stream", &neutral).await;
    let start = neutral
        .text
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .expect("an event");
    let start: Value = serde_json::from_str(start).expect("JSON");
    for response in [whole, id(&first["response"]), id(&start)] {
        let neutral = json!({"model": "openai-a~sandbox-large", "prompt": "more", "previous": response});
        is_the_firsts(
            &place,
            &[
                (Method::GET, format!("/v1/ai/responses/{response}"), None),
                (Method::GET, format!("/openai/v1/responses/{response}"), None),
                (
                    Method::POST,
                    "/openai/v1/responses".to_owned(),
                    Some(asked(Some(&response))),
                ),
                (Method::POST, "/v1/ai/responses".to_owned(), Some(neutral)),
            ],
        )
        .await;
    }
    place.close().await;
}

/// A file that the vendor has, and that nobody brought through here.
async fn strange(place: &Place) -> String {
    let server = place.server("openai-a");
    let form = "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n--x\r\n\
                Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nelsewhere\r\n--x--\r\n";
    let request = place.gateway.client.0.post(format!("{}/files", server.base_url()));
    let request = request.bearer_auth(server.token()).body(form);
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    id(&send(request, &[]).await.ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_elsewhere_is_of_the_only_tenant_that_reaches_it_and_else_of_none() {
    let place = Place::open().await;
    let file = strange(&place).await;
    assert_eq!(get(&place, KEY, &format!("/openai/v1/files/{file}")).await.status, 200);
    assert_eq!(listed(&place, KEY, "/openai/v1/files", "data").await.len(), 1);
    assert_eq!(get(&place, KEY, "/proxy/openai-a/files").await.status, 200);
    place.close().await;

    let place = Place::with(OTHERS).await;
    let file = strange(&place).await;
    for key in BOTH {
        assert_eq!(get(&place, key, &format!("/openai/v1/files/{file}")).await.status, 404);
        assert!(listed(&place, key, "/openai/v1/files", "data").await.is_empty());
        for path in [
            "files",
            "batches",
            &format!("files/{file}"),
            "v1x/models",
            "responses/resp_1",
            "conversations",
        ] {
            let passed = get(&place, key, &format!("/proxy/openai-a/{path}")).await;
            assert_eq!(passed.refused(403), "forbidden", "{path}: {passed:?}");
        }
        assert_eq!(get(&place, key, "/proxy/openai-a/models").await.status, 200);
        let passed = post(
            &place,
            key,
            "/proxy/openai-a/chat/completions",
            &chat("sandbox-large", "hi"),
        )
        .await;
        assert_eq!(passed.status, 200, "{passed:?}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_that_are_meant_to_share_share() {
    let tables = format!("tenants_share = true\n[tenants.acme]\n{OTHERS}");
    let place = Place::with_last(&tables).await;
    let last = place.sandbox.servers().iter().last().expect("one").name().to_owned();
    let path = format!("/v1/ai/files?provider={last}");
    let brought = place.ask(Method::POST, &format!("{path}&name=ours.txt"));
    let brought = brought.header("content-type", "text/plain").body("ours");
    let file = id(&send(brought, &[]).await.ok());
    for key in BOTH {
        let shown = get(&place, key, &format!("/v1/ai/files/{file}")).await;
        assert_eq!(shown.status, 200, "{shown:?}");
        assert_eq!(listed(&place, key, &path, "items").await, [&*file]);
        let passed = get(&place, key, &format!("/proxy/{last}/v1/files")).await;
        assert_ne!(passed.status, 403, "{passed:?}");
    }
    place.close().await;
}
