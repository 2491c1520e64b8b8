//! Every answer of GitHub's Actions against its own description.
//!
//! Invariant: no operation of CI that GitHub has in the catalogue is left out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::{Contract, Spec, case, delete, post, with};
use crate::specs;

pub(crate) const REPO: &str = "/repos/acme/api/actions";
pub(crate) const WORKFLOWS: &str = "/repos/{owner}/{repo}/actions/workflows";
pub(crate) const WORKFLOW: &str = "/repos/{owner}/{repo}/actions/workflows/{workflow_id}";
pub(crate) const DISPATCH: &str = "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches";
pub(crate) const RUNS: &str = "/repos/{owner}/{repo}/actions/runs";
pub(crate) const JOB: &str = "/repos/{owner}/{repo}/actions/jobs/{job_id}";
pub(crate) const LOG: &str = "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs";
pub(crate) const ARTIFACT: &str = "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}";
pub(crate) const SECRETS: &str = "/repos/{owner}/{repo}/actions/secrets";

/// Every row of CI that this provider has in the table.
pub(crate) fn assert_whole(contract: &Contract<'_>, provider: &str) {
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
    let folder = specs::folder().expect("the description was there");
    let table = std::fs::read_to_string(folder.join("operation-catalogue.tsv")).unwrap();
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0].starts_with("cicd.") && row[1] == provider && row[2] != "UNSUPPORTED");
    let missing: Vec<_> = rows
        .filter(|row| !contract.checked.iter().any(|checked| checked == row[2]))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A run by how it ended, or the first of all.
pub(crate) fn find<'a>(runs: &'a Value, conclusion: &str) -> &'a Value {
    let mut all = runs["workflow_runs"].as_array().unwrap().iter();
    all.find(|run| run["conclusion"] == conclusion).unwrap()
}

#[tokio::test]
async fn every_answer_of_github_s_actions_meets_its_description() {
    let Some(spec) = Spec::load("github-api.github.com.openapi.json") else {
        return;
    };
    let errors = json!({ "$ref": "#/components/schemas/basic-error" });
    let mut contract = Contract::start("github-a", &spec, &errors).await;
    github_lists(&mut contract).await;
    let run = github_triggers(&mut contract).await;
    github_control(&mut contract, &run).await;
    github_gates(&mut contract).await;
    github_secrets(&mut contract).await;
    assert_whole(&contract, "GH");
}

/// Answers the place of a run that was started.
async fn github_triggers(contract: &mut Contract<'_>) -> String {
    let body = |more: Value| {
        let mut body = json!({ "ref": "main" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let dispatch = |file: &str, more: Value, status| {
        let path = format!("{REPO}/workflows/{file}/dispatches");
        post(path, DISPATCH, body(more), status)
    };
    let inputs = |outcome: &str| json!({ "inputs": { "SANDBOX_OUTCOME": outcome }, "return_run_details": true });
    for case in [
        case(format!("{REPO}/workflows"), WORKFLOWS, 200),
        case(format!("{REPO}/workflows?per_page=1&page=2"), WORKFLOWS, 200),
        case(format!("{REPO}/workflows/ci.yml"), WORKFLOW, 200),
        case(format!("{REPO}/workflows/none.yml"), WORKFLOW, 404),
        dispatch("ci.yml", json!({}), 204),
        dispatch("none.yml", json!({}), 404),
        dispatch("nightly.yml", json!({}), 422),
        dispatch("retired.yml", json!({}), 422),
        dispatch("ci.yml", json!({ "ref": "none" }), 422),
        dispatch("ci.yml", json!({ "ref": null }), 422),
        dispatch("ci.yml", json!({ "inputs": { "none": "1" } }), 422),
        post(
            "/repos/quirks/empty/actions/workflows/ci.yml/dispatches",
            DISPATCH,
            json!({ "ref": "main" }),
            404,
        ),
        post(
            "/repos/quirks/archived/actions/workflows/ci.yml/dispatches",
            DISPATCH,
            json!({ "ref": "main" }),
            403,
        ),
        case("/repos/quirks/empty/actions/workflows", WORKFLOWS, 200),
        case("/repos/quirks/empty/actions/runs", RUNS, 200),
    ] {
        contract.send(case).await;
    }
    let started = contract.send(dispatch("ci.yml", inputs("failure"), 200)).await;
    format!("{REPO}/runs/{}", started["workflow_run_id"])
}

async fn github_lists(contract: &mut Contract<'_>) {
    for case in [
        case(format!("{REPO}/runs?per_page=100"), RUNS, 200),
        case(
            format!("{REPO}/runs?status=completed&event=push&branch=main"),
            RUNS,
            200,
        ),
        case(
            format!("{REPO}/runs?created=%3E%3D2026-01-05&actor=sandbox-user"),
            RUNS,
            200,
        ),
        case(format!("{REPO}/runs?status=none"), RUNS, 422),
        case(format!("{REPO}/runs?created=yesterday"), RUNS, 422),
        case("/repos/acme/web/actions/runs?per_page=100&page=2", RUNS, 200),
        case(
            format!("{REPO}/workflows/ci.yml/runs"),
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
            200,
        ),
        case(
            format!("{REPO}/artifacts?name=report"),
            "/repos/{owner}/{repo}/actions/artifacts",
            200,
        ),
        case(
            format!("{REPO}/runs/999999"),
            "/repos/{owner}/{repo}/actions/runs/{run_id}",
            404,
        ),
    ] {
        contract.send(case).await;
    }
}

async fn github_control(contract: &mut Contract<'_>, run: &str) {
    let of = |part: &str| format!("{run}{part}");
    let one = "/repos/{owner}/{repo}/actions/runs/{run_id}";
    let jobs = "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs";
    let logs = "/repos/{owner}/{repo}/actions/runs/{run_id}/logs";
    let rerun = "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun";
    let failed = "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs";
    let cancel = "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel";
    let force = "/repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel";
    let artifacts = "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts";
    for case in [
        post(of("/rerun"), rerun, json!({}), 403),
        delete(of(""), one, 403),
        delete(of("/logs"), logs, 403),
        case(run, one, 200),
        case(of("/jobs"), jobs, 200),
        case(run, one, 200),
        post(of("/cancel"), cancel, json!({}), 409),
        post(
            of("/approve"),
            "/repos/{owner}/{repo}/actions/runs/{run_id}/approve",
            json!({}),
            403,
        ),
        case(of("/logs"), logs, 302),
        post(of("/rerun-failed-jobs"), failed, json!({}), 201),
        case(
            of("/attempts/1"),
            "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}",
            200,
        ),
        case(
            of("/attempts/1/jobs"),
            "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
            200,
        ),
        case(of("/jobs?filter=all"), jobs, 200),
        post(of("/rerun"), rerun, json!({}), 201),
        post(of("/cancel"), cancel, json!({}), 202),
        post(of("/force-cancel"), force, json!({}), 202),
        post(of("/force-cancel"), force, json!({}), 409),
    ] {
        contract.send(case).await;
    }
    let all = contract.send(case(of("/jobs"), jobs, 200)).await;
    let job = format!("{REPO}/jobs/{}", all["jobs"][0]["id"]);
    contract.send(case(job.clone(), JOB, 200)).await;
    contract.send(case(format!("{job}/logs"), LOG, 302)).await;
    let again = "/repos/{owner}/{repo}/actions/jobs/{job_id}/rerun";
    contract.send(post(format!("{job}/rerun"), again, json!({}), 201)).await;
    contract.send(post(of("/force-cancel"), force, json!({}), 202)).await;
    contract.send(delete(of("/logs"), logs, 204)).await;
    contract.send(case(of("/logs"), logs, 404)).await;
    contract.send(case(of("/artifacts"), artifacts, 200)).await;
    let runs = contract
        .send(case(format!("{REPO}/runs?per_page=100"), RUNS, 200))
        .await;
    let good = format!("{REPO}/runs/{}", find(&runs, "success")["id"]);
    let left = contract.send(case(format!("{good}/artifacts"), artifacts, 200)).await;
    let artifact = format!("{REPO}/artifacts/{}", left["artifacts"][0]["id"]);
    let zip = "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}";
    contract.send(case(artifact.clone(), ARTIFACT, 200)).await;
    contract.send(case(format!("{artifact}/zip"), zip, 302)).await;
    let all = contract
        .send(case(
            format!("{REPO}/artifacts"),
            "/repos/{owner}/{repo}/actions/artifacts",
            200,
        ))
        .await;
    let expired = all["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["expired"] == true);
    let expired = format!("{REPO}/artifacts/{}/zip", expired.unwrap()["id"]);
    contract.send(case(expired, zip, 410)).await;
    let broken = format!("{REPO}/runs/{}", find(&runs, "startup_failure")["id"]);
    contract.send(case(format!("{broken}/jobs"), jobs, 200)).await;
    contract
        .send(post(format!("{broken}/rerun"), rerun, json!({}), 403))
        .await;
    contract.send(delete(broken.clone(), one, 204)).await;
    contract.send(delete(broken, one, 404)).await;
}

async fn github_gates(contract: &mut Contract<'_>) {
    let approve = "/repos/{owner}/{repo}/actions/runs/{run_id}/approve";
    let pending = "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments";
    let waiting = contract
        .send(case(format!("{REPO}/runs?status=action_required"), RUNS, 200))
        .await;
    let run = format!("{REPO}/runs/{}", waiting["workflow_runs"][0]["id"]);
    contract
        .send(post(format!("{run}/approve"), approve, json!({}), 201))
        .await;
    contract
        .send(post(format!("{run}/approve"), approve, json!({}), 403))
        .await;
    for (state, ends) in [("approved", "queued"), ("rejected", "completed")] {
        let body = json!({ "ref": "develop", "return_run_details": true });
        let path = format!("{REPO}/workflows/deploy.yml/dispatches");
        let started = contract.send(post(path, DISPATCH, body, 200)).await;
        let run = format!("{REPO}/runs/{}", started["workflow_run_id"]);
        let path = format!("{run}/pending_deployments");
        let awaited = contract.send(case(path.clone(), pending, 200)).await;
        let id = &awaited[0]["environment"]["id"];
        let word = |id: &Value| json!({ "environment_ids": [id], "state": state, "comment": "c" });
        contract.send(post(path.clone(), pending, word(&json!(1)), 422)).await;
        contract.send(post(path.clone(), pending, word(id), 200)).await;
        contract.send(post(path, pending, word(id), 422)).await;
        let run = contract
            .send(case(run, "/repos/{owner}/{repo}/actions/runs/{run_id}", 200))
            .await;
        assert_eq!(run["status"], ends);
    }
}

async fn github_secrets(contract: &mut Contract<'_>) {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let key = contract
        .send(case(
            format!("{SECRETS_OF}/public-key"),
            "/repos/{owner}/{repo}/actions/secrets/public-key",
            200,
        ))
        .await;
    let public: [u8; 32] = STANDARD
        .decode(key["key"].as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap();
    let sealed = crypto_box::PublicKey::from(public)
        .seal(&mut crypto_box::aead::OsRng, b"value")
        .unwrap();
    let body = |id: &Value, sealed: &[u8]| json!({ "key_id": id, "encrypted_value": STANDARD.encode(sealed) });
    let one = "/repos/{owner}/{repo}/actions/secrets/{secret_name}";
    let path = format!("{SECRETS_OF}/TOKEN");
    let put = |path: &str, body, status| with(Method::PUT, path, one, body, status);
    for case in [
        put(&path, body(&key["key_id"], &sealed), 201),
        put(&path, body(&key["key_id"], &sealed), 204),
        put(&path, body(&json!("1"), &sealed), 422),
        put(
            &path,
            body(&key["key_id"], b"never sealed, and long enough to be taken for it"),
            422,
        ),
        put(&format!("{SECRETS_OF}/1st"), body(&key["key_id"], &sealed), 422),
        case(SECRETS_OF, SECRETS, 200),
        case(path.clone(), one, 200),
        delete(path.clone(), one, 204),
        case(path, one, 404),
    ] {
        contract.send(case).await;
    }
}

pub(crate) const SECRETS_OF: &str = "/repos/acme/api/actions/secrets";
