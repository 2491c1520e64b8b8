//! The models' batches and files against the vendors' own descriptions, and the requests that the drivers write into files.
//!
//! Invariant: the number of checks is asserted, so that none vanishes.

use std::fs;
use std::path::Path;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::Rig;
use crate::contract::{Contract, Spec, assert_conforms, case, post};

const ANTHROPIC: &str = "anthropic.openapi.yaml";
const OPENAI: &str = "openai.openapi.json";
const BATCHES: &str = "/v1/messages/batches";
const FEATURE: (&str, &str) = ("anthropic-beta", "files-api-2025-04-14");

fn params(prompt: &str) -> Value {
    json!({ "model": "sandbox-large", "max_tokens": 100, "messages": [{ "role": "user", "content": prompt }] })
}

fn form(file: &str, purpose: Option<&str>) -> Form {
    let file = Part::text(file.to_owned()).file_name("made-of.jsonl");
    let file = file.mime_str("application/jsonl").unwrap();
    let form = Form::new().part("file", file);
    match purpose {
        Some(purpose) => form.text("purpose", purpose.to_owned()),
        None => form,
    }
}

#[tokio::test]
async fn every_answer_about_anthropics_batches_meets_its_description() {
    let Some(spec) = Spec::load(ANTHROPIC) else {
        return;
    };
    let errors = json!({ "$ref": "#/components/schemas/ErrorResponse" });
    let mut contract = Contract::start("anthropic-a", &spec, &errors).await;
    let one = |id: &str, prompt: &str| json!({ "custom_id": id, "params": params(prompt) });
    let mut wrong = one("d", "hello");
    wrong["params"]["model"] = "none".into();
    let rows = json!([one("a", "hello"), one("b", "wait"), one("c", "come too late"), wrong]);
    let made = contract
        .send(post(BATCHES, BATCHES, json!({ "requests": rows }), 200))
        .await;
    let at = format!("{BATCHES}/{}", made["id"].as_str().unwrap());
    let of = "/v1/messages/batches/{message_batch_id}";
    let twice = json!({ "requests": [one("a", "x"), one("a", "y")] });
    for case in [
        case(&*at, of, 200),
        case(format!("{at}/results"), of, 404),
        post(
            format!("{at}/cancel"),
            "/v1/messages/batches/{message_batch_id}/cancel",
            Value::Null,
            200,
        ),
        case(&*at, of, 200),
        post(
            format!("{at}/cancel"),
            "/v1/messages/batches/{message_batch_id}/cancel",
            Value::Null,
            400,
        ),
        case(BATCHES, BATCHES, 200),
        case("/v1/messages/batches?limit=1", BATCHES, 200),
        case("/v1/messages/batches?limit=0", BATCHES, 400),
        case("/v1/messages/batches/none", of, 404),
        post(BATCHES, BATCHES, json!({ "requests": [] }), 400),
        post(BATCHES, BATCHES, json!({ "requests": [one("a b", "x")] }), 400),
        post(BATCHES, BATCHES, twice, 400),
    ] {
        contract.send(case).await;
    }
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
    assert_eq!(contract.checked.len(), 13);
    let results = contract.rig.get("anthropic-a", &format!("{at}/results")).await;
    let results = results.text().await.unwrap();
    let line = spec.validator(&json!({ "$ref": "#/components/schemas/MessageBatchIndividualResponse" }));
    let kinds: Vec<String> = results
        .lines()
        .map(|text| {
            let row: Value = serde_json::from_str(text).unwrap();
            assert_conforms(&line, &row, text);
            row["result"]["type"].as_str().unwrap().to_owned()
        })
        .collect();
    // The last one first.
    assert_eq!(kinds, ["errored", "expired", "canceled", "succeeded"]);
}

#[tokio::test]
async fn every_answer_about_anthropics_files_meets_its_description() {
    let Some(spec) = Spec::load(ANTHROPIC) else {
        return;
    };
    let metadata = spec.validator(&json!({ "$ref": "#/components/schemas/BetaFileMetadataSchema" }));
    let error = spec.validator(&json!({ "$ref": "#/components/schemas/BetaErrorResponse" }));
    let rig = Rig::start().await;
    let send = |method: Method, path: String| {
        let request = rig.request("anthropic-a", method, &path);
        request.header(FEATURE.0, FEATURE.1)
    };
    let files = "/v1/files?beta=true".to_owned();
    let made = send(Method::POST, files.clone())
        .multipart(form("x", None))
        .send()
        .await
        .unwrap();
    let made: Value = made.json().await.unwrap();
    assert_conforms(&metadata, &made, "made");
    let at = format!("/v1/files/{}", made["id"].as_str().unwrap());
    let known: Value = send(Method::GET, at.clone())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(known, made);
    let content = send(Method::GET, format!("{at}/content")).send().await.unwrap();
    assert_eq!(content.text().await.unwrap(), "x");
    let of_list = spec.validator(&json!({ "$ref": "#/components/schemas/BetaFileListResponse" }));
    let list: Value = send(Method::GET, files).send().await.unwrap().json().await.unwrap();
    assert_conforms(&of_list, &list, "listed");
    assert_eq!(list["data"], json!([made]));
    let of_removal = spec.validator(&json!({ "$ref": "#/components/schemas/BetaFileDeleteResponse" }));
    let gone = send(Method::DELETE, at.clone()).send().await.unwrap();
    assert_conforms(&of_removal, &gone.json().await.unwrap(), "deleted");
    assert_eq!(send(Method::GET, at.clone()).send().await.unwrap().status(), 404);
    // Who does not ask for the feature does not have it.
    for refused in [
        rig.get("anthropic-a", &at).await,
        send(Method::GET, "/v1/files/none".to_owned()).send().await.unwrap(),
    ] {
        assert_eq!(refused.status(), 404);
        assert_conforms(&error, &refused.json().await.unwrap(), "refused");
    }
}

#[tokio::test]
async fn every_answer_about_openais_batches_and_files_meets_its_description() {
    let Some(spec) = Spec::load(OPENAI) else {
        return;
    };
    let errors = json!({ "$ref": "#/components/schemas/ErrorResponse" });
    let mut contract = Contract::start("openai-a", &spec, &errors).await;
    let line = |id: &str, prompt: &str| {
        let body = params(prompt);
        json!({ "custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body }).to_string()
    };
    let file = spec.validator(&json!({ "$ref": "#/components/schemas/OpenAIFile" }));
    let lines = [line("a", "hello"), line("b", "wait")].join("\n");
    let mut made = vec![];
    for text in [&*lines, "no JSON"] {
        let request = contract.rig.request("openai-a", Method::POST, "/files");
        let kept = request.multipart(form(text, Some("batch"))).send().await.unwrap();
        let kept: Value = kept.json().await.unwrap();
        // A file that never goes has no such time, which is not described as null.
        assert_conforms(&file, &kept, "kept");
        made.push(kept["id"].as_str().unwrap().to_owned());
    }
    let create =
        |input: &str| json!({ "input_file_id": input, "endpoint": "/v1/chat/completions", "completion_window": "24h" });
    let batch = contract.send(post("/batches", "/batches", create(&made[0]), 200)).await;
    let at = format!("/batches/{}", batch["id"].as_str().unwrap());
    let broken = contract.send(post("/batches", "/batches", create(&made[1]), 200)).await;
    let other = format!("/batches/{}", broken["id"].as_str().unwrap());
    let (of, cancel) = ("/batches/{batch_id}", "/batches/{batch_id}/cancel");
    for case in [
        case(&*at, of, 200),
        case(&*at, of, 200),
        post(format!("{at}/cancel"), cancel, Value::Null, 200),
        case(&*at, of, 200),
        case(&*other, of, 200),
        case("/batches", "/batches", 200),
        case("/batches?limit=1", "/batches", 200),
        case(format!("/files/{}", made[0]), "/files/{file_id}", 200),
        case("/files?purpose=batch&limit=1", "/files", 200),
    ] {
        contract.send(case).await;
    }
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
    assert_eq!(contract.checked.len(), 11);
    let rig = &contract.rig;
    let over = rig.get_json("openai-a", &at).await;
    assert_eq!(over["status"], "cancelled");
    assert_eq!(rig.get_json("openai-a", &other).await["errors"]["data"][0]["line"], 1);
    let answer = spec.validator(&json!({ "$ref": "#/components/schemas/CreateChatCompletionResponse" }));
    let text = |of: &str| format!("/files/{}/content", over[of].as_str().unwrap());
    let output = rig.get("openai-a", &text("output_file_id")).await.text().await.unwrap();
    let done: Value = serde_json::from_str(&output).unwrap();
    assert_conforms(&answer, &done["response"]["body"], "a result");
    let undone = rig.get("openai-a", &text("error_file_id")).await.text().await.unwrap();
    let undone: Value = serde_json::from_str(&undone).unwrap();
    assert_eq!((&undone["custom_id"], &undone["response"]), (&json!("b"), &Value::Null));
    for (path, status) in [
        ("/batches/none", 404),
        ("/files/none", 404),
        ("/files/none/content", 404),
    ] {
        assert_eq!(rig.get("openai-a", path).await.status(), status, "{path}");
    }
    let removed = rig.request("openai-a", Method::DELETE, &format!("/files/{}", made[1]));
    let removed: Value = removed.send().await.unwrap().json().await.unwrap();
    let of_removal = spec.validator(&json!({ "$ref": "#/components/schemas/DeleteFileResponse" }));
    assert_conforms(&of_removal, &removed, "deleted");
    assert_eq!(removed["deleted"], true);
    for (wrong, param) in [
        (create("none"), "input_file_id"),
        (
            json!({ "input_file_id": made[0], "endpoint": "/v1/odd", "completion_window": "24h" }),
            "endpoint",
        ),
        (
            json!({ "input_file_id": made[0], "endpoint": "/v1/embeddings" }),
            "completion_window",
        ),
    ] {
        let refused = rig.post("openai-a", "/batches", &wrong).await;
        assert_eq!(refused.status(), 400, "{param}");
        assert_eq!(refused.json::<Value>().await.unwrap()["error"]["param"], param);
    }
}

#[test]
fn the_lines_of_golden_files_of_requests_are_of_the_described_types() {
    let Some(spec) = Spec::load(OPENAI) else {
        return;
    };
    let validator = |name: &str| spec.validator(&json!({ "$ref": format!("#/components/schemas/{name}") }));
    let (chat, embeddings) = (
        validator("CreateChatCompletionRequest"),
        validator("CreateEmbeddingRequest"),
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/openai");
    let mut checked = 0;
    for cell in fs::read_dir(folder).unwrap() {
        let cell = cell.unwrap().path();
        let requests: Value = serde_json::from_slice(&fs::read(cell.join("request.json")).unwrap()).unwrap();
        let parts = requests
            .as_array()
            .unwrap()
            .iter()
            .filter(|request| request["path"] == "/files");
        let parts = parts.filter_map(|request| request["body"].as_array()).flatten();
        for part in parts.filter(|part| part["file_name"] == "requests.jsonl") {
            for text in part["text"].as_str().unwrap().lines() {
                let line: Value = serde_json::from_str(text).unwrap();
                let validator = if line["url"] == "/v1/embeddings" {
                    &embeddings
                } else {
                    &chat
                };
                assert_conforms(validator, &line["body"], &cell.display().to_string());
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 11, "a line was added or has vanished");
}
