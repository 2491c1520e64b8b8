//! Every answer of Woodpecker against its description, and what is left out of the table by none of the CI servers.
//!
//! Invariant: no operation of CI that Woodpecker has in the catalogue is left out.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Rig, specs};

const PIPELINES: &str = "/repos/{repo_id}/pipelines";
const PIPELINE: &str = "/repos/{repo_id}/pipelines/{pipeline_number}";
const APPROVE: &str = "/repos/{repo_id}/pipelines/{pipeline_number}/approve";
const DECLINE: &str = "/repos/{repo_id}/pipelines/{pipeline_number}/decline";
const CANCEL: &str = "/repos/{repo_id}/pipelines/{pipeline_number}/cancel";
const LOGS: &str = "/repos/{repo_id}/logs/{pipeline_number}";
const LOG: &str = "/repos/{repo_id}/logs/{pipeline_number}/{step_id}";
const DOWNLOAD: &str = "/repos/{repo_id}/logs/{pipeline_number}/{step_id}/download";
const STREAM: &str = "/stream/logs/{repo_id}/{pipeline}/{step_id}";
const SECRETS: &str = "/repos/{repo_id}/secrets";
const SECRET: &str = "/repos/{repo_id}/secrets/{secretName}";

/// Asserts that each of a vendor's rows in the table was asked for.
pub(crate) fn assert_all_asked(vendor: &str, asked: &BTreeSet<String>) {
    let folder = specs::folder().expect("the description was there");
    let table = std::fs::read_to_string(folder.join("operation-catalogue.tsv")).unwrap();
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0].starts_with("cicd.") && row[1] == vendor && row[2] != "UNSUPPORTED");
    let missing: Vec<String> = rows
        .map(|row| row[2].to_owned())
        .filter(|row| !asked.contains(row))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Woodpecker, and what it was asked.
struct Woodpecker {
    rig: Rig,
    spec: Value,
    asked: BTreeSet<String>,
}

impl Woodpecker {
    /// Asks, and holds an answer with a body to the description; `operation` is the description's path.
    async fn ask(&mut self, method: Method, path: &str, operation: &str, body: Option<Value>, status: u16) -> Value {
        let request = self.rig.request("woodpecker-a", method.clone(), path);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.unwrap();
        let what = format!("{method} {path}");
        assert_eq!(response.status(), status, "{what}");
        self.asked.insert(format!("{method} {operation}"));
        let described = &self.spec["paths"][operation][method.as_str().to_lowercase()];
        assert!(described.is_object(), "{method} {operation} is not in the description");
        let bytes = response.bytes().await.unwrap();
        if bytes.is_empty() || status >= 400 {
            return Value::Null;
        }
        let schema = &described["responses"]["200"]["schema"];
        if schema["type"] == "string" || !schema.is_object() {
            return String::from_utf8(bytes.to_vec()).unwrap().into();
        }
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        if !answer.is_null() {
            specs::assert_swagger(&self.spec, schema, &answer, &what);
        }
        answer
    }

    async fn get(&mut self, path: &str, operation: &str, status: u16) -> Value {
        self.ask(Method::GET, path, operation, None, status).await
    }

    async fn post(&mut self, path: &str, operation: &str, body: Option<Value>, status: u16) -> Value {
        self.ask(Method::POST, path, operation, body, status).await
    }

    async fn delete(&mut self, path: &str, operation: &str, status: u16) {
        self.ask(Method::DELETE, path, operation, None, status).await;
    }

    async fn repo(&mut self, name: &str) -> u64 {
        let path = format!("/repos/lookup/{name}");
        let repo = self.get(&path, "/repos/lookup/{repo_full_name}", 200).await;
        repo["id"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn every_woodpecker_answer_meets_its_description() {
    let Some(folder) = specs::folder() else { return };
    let mut spec = specs::read(&folder, "woodpecker.swagger.json");
    // The description takes Go's bytes for numbers; they are sent as base64.
    for bytes in ["LogEntry", "Config"] {
        spec["definitions"][bytes]["properties"]["data"] = json!({ "type": "string" });
    }
    let mut ci = Woodpecker {
        rig: Rig::start().await,
        spec,
        asked: BTreeSet::new(),
    };
    pipelines(&mut ci).await;
    orders(&mut ci).await;
    logs(&mut ci).await;
    secrets(&mut ci).await;
    assert_all_asked("WP", &ci.asked);
    let created = &ci.spec["paths"][PIPELINES]["post"]["responses"]["200"]["schema"];
    for wrong in [json!({ "number": "1" }), json!({ "colour": 1 })] {
        assert!(!specs::meets_swagger(&ci.spec, created, &wrong), "{wrong}");
    }
}

async fn pipelines(ci: &mut Woodpecker) {
    let web = ci.repo("acme/web").await;
    ci.get("/user", "/user", 200).await;
    ci.get("/user/repos", "/user/repos", 200).await;
    assert_eq!(ci.get("/repos", "/repos", 200).await.as_array().map(Vec::len), Some(50));
    assert_eq!(
        ci.get("/repos?page=3", "/repos", 200).await.as_array().map(Vec::len),
        Some(22)
    );
    ci.get(&format!("/repos/{web}"), "/repos/{repo_id}", 200).await;
    ci.get(&format!("/repos/{web}/pipelines"), PIPELINES, 200).await;
    for number in ["1", "latest"] {
        ci.get(&format!("/repos/{web}/pipelines/{number}"), PIPELINE, 200).await;
    }
    let of_config = "/repos/{repo_id}/pipelines/{pipeline_number}/config";
    ci.get(&format!("/repos/{web}/pipelines/1/config"), of_config, 200)
        .await;
    ci.get(&format!("/repos/{web}/pipelines/999"), PIPELINE, 404).await;
}

/// Triggers a pipeline of `acme/api`, and answers where its list is and its number.
async fn triggered(ci: &mut Woodpecker, outcome: &str, status: &str) -> (String, u64) {
    let api = ci.repo("acme/api").await;
    let list = format!("/repos/{api}/pipelines");
    let body = json!({ "branch": "main", "variables": { "SANDBOX_OUTCOME": outcome } });
    let made = ci.post(&list, PIPELINES, Some(body), 200).await;
    assert_eq!(made["status"], status, "{outcome}");
    (list, made["number"].as_u64().unwrap())
}

async fn orders(ci: &mut Woodpecker) {
    let (list, number) = triggered(ci, "approval", "blocked").await;
    let waits = format!("{list}/{number}");
    ci.post(&waits, PIPELINE, None, 400).await;
    let approved = ci.post(&format!("{waits}/approve"), APPROVE, None, 200).await;
    assert_eq!(approved["status"], "pending");
    assert_eq!(approved["reviewed_by"], "sandbox-user");
    ci.post(&format!("{waits}/approve"), APPROVE, None, 400).await;
    let (_, number) = triggered(ci, "approval", "blocked").await;
    ci.post(&format!("{list}/{number}/decline"), DECLINE, None, 200).await;
    let (_, number) = triggered(ci, "hold", "pending").await;
    let holds = format!("{list}/{number}");
    for word in ["pending", "running", "running", "running"] {
        assert_eq!(ci.get(&holds, PIPELINE, 200).await["status"], word);
    }
    let stats = &ci.get("/queue/info", "/queue/info", 200).await["stats"];
    assert_eq!(
        (&stats["running_count"], &stats["pending_count"]),
        (&json!(2), &json!(2))
    );
    ci.delete(&holds, PIPELINE, 422).await;
    ci.post(&format!("{holds}/cancel"), CANCEL, None, 204).await;
    // The pipeline's word changes at once, and what runs is found stopped a read later.
    let listed = ci.get(&format!("{list}?status=killed"), PIPELINES, 200).await;
    assert_eq!(listed[0]["cancel_info"]["canceled_by_user"], "sandbox-user");
    ci.post(&format!("{holds}/cancel"), CANCEL, None, 400).await;
    ci.get(&holds, PIPELINE, 200).await;
    let again = ci
        .post(
            &format!("{holds}?SANDBOX_OUTCOME=error&event=push"),
            PIPELINE,
            None,
            200,
        )
        .await;
    assert_eq!((&again["status"], &again["parent"]), (&json!("error"), &json!(number)));
    assert_eq!(again["variables"], json!({ "SANDBOX_OUTCOME": "error" }));
    assert_eq!(again["errors"][0]["is_warning"], false);
    ci.delete(&holds, PIPELINE, 204).await;
    ci.get(&holds, PIPELINE, 404).await;
}

async fn logs(ci: &mut Woodpecker) {
    let (list, number) = triggered(ci, "success", "pending").await;
    let made = ci.get(&format!("{list}/{number}"), PIPELINE, 200).await;
    let step = made.pointer("/workflows/1/children/1/id").unwrap();
    let repo = list.strip_suffix("/pipelines").unwrap();
    let (log, one) = (format!("{repo}/logs/{number}"), format!("{repo}/logs/{number}/{step}"));
    assert_eq!(ci.get(&one, LOG, 200).await, Value::Null);
    ci.delete(&log, LOGS, 422).await;
    let stream = format!("{}/{number}/{step}", repo.replace("/repos/", "/stream/logs/"));
    let events = ci.get(&stream, STREAM, 200).await;
    assert!(
        events.as_str().unwrap().ends_with("event: eof\ndata: eof\n\n"),
        "{events}"
    );
    ci.get(&format!("{list}/{number}"), PIPELINE, 200).await;
    assert_eq!(ci.get(&one, LOG, 200).await.as_array().map(Vec::len), Some(4));
    let text = ci.get(&format!("{one}/download"), DOWNLOAD, 200).await;
    assert_eq!(text, "+ make test\nGrüße from woodpecker-a\nmake: test is done\n");
    ci.delete(&one, LOG, 204).await;
    assert_eq!(ci.get(&one, LOG, 200).await, Value::Null);
    ci.delete(&log, LOGS, 204).await;
}

async fn secrets(ci: &mut Woodpecker) {
    let api = ci.repo("acme/api").await;
    let path = format!("/repos/{api}/secrets");
    let secret = json!({ "name": "deploy_key", "value": "PLANTED", "events": ["push"] });
    let made = ci.post(&path, SECRETS, Some(secret.clone()), 200).await;
    assert!(!made.to_string().contains("PLANTED"));
    for (wrong, status) in [
        (secret, 500),
        (json!({ "name": "a", "value": "b" }), 422),
        (json!({ "name": "a", "events": ["push"] }), 422),
        (json!({ "name": "a", "value": "b", "events": ["moon"] }), 422),
        (json!([]), 400),
    ] {
        ci.post(&path, SECRETS, Some(wrong), status).await;
    }
    let one = format!("{path}/deploy_key");
    let change = json!({ "value": "PLANTED too", "events": ["manual"] });
    let changed = ci.ask(Method::PATCH, &one, SECRET, Some(change.clone()), 200).await;
    assert_eq!(changed["events"], json!(["manual"]));
    ci.ask(Method::PATCH, &format!("{path}/none"), SECRET, Some(change), 404)
        .await;
    assert!(!ci.get(&path, SECRETS, 200).await.to_string().contains("PLANTED"));
    ci.get(&one, SECRET, 200).await;
    ci.delete(&one, SECRET, 204).await;
    ci.get(&one, SECRET, 404).await;
}
