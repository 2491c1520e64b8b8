//! Every answer of Gitea's Actions against its own description.
//!
//! Invariant: no operation of CI that Gitea has in the catalogue is left out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::{Contract, Spec, case, delete, post, with};
use crate::contract_actions::{
    ARTIFACT, DISPATCH, JOB, LOG, REPO, RUNS, SECRETS, SECRETS_OF, WORKFLOW, WORKFLOWS, assert_whole, find,
};
use crate::header;

#[tokio::test]
async fn every_answer_of_gitea_s_actions_meets_its_description() {
    let Some(spec) = Spec::load("gitea-1.26.1.swagger.json") else {
        return;
    };
    let errors = json!({ "$ref": "#/definitions/APIError" });
    let mut contract = Contract::start("gitea-a", &spec, &errors).await;
    let run = gitea_triggers(&mut contract).await;
    gitea_control(&mut contract, &run).await;
    gitea_rest(&mut contract).await;
    assert_whole(&contract, "GT");
}

async fn gitea_triggers(contract: &mut Contract<'_>) -> String {
    let dispatch = |file: &str, query: &str, body: Value, status| {
        let path = format!("{REPO}/workflows/{file}/dispatches{query}");
        post(path, DISPATCH, body, status)
    };
    let main = json!({ "ref": "main" });
    let told = "?return_run_details=true";
    for case in [
        case(format!("{REPO}/workflows"), WORKFLOWS, 200),
        case(format!("{REPO}/workflows/ci.yml"), WORKFLOW, 200),
        case(format!("{REPO}/workflows/none.yml"), WORKFLOW, 404),
        dispatch("ci.yml", "", main.clone(), 204),
        dispatch("none.yml", "", main.clone(), 404),
        dispatch("nightly.yml", "", main.clone(), 422),
        dispatch("retired.yml", "", main.clone(), 403),
        dispatch("ci.yml", "", json!({ "ref": "none" }), 404),
        dispatch("ci.yml", "", json!({}), 422),
        case("/repos/quirks/empty/actions/workflows", WORKFLOWS, 200),
        case(
            format!("{REPO}/runs?status=completed&event=push&branch=main&limit=50"),
            RUNS,
            200,
        ),
        case(format!("{REPO}/runs?status=stale"), RUNS, 400),
        case("/repos/acme/web/actions/runs?limit=50&page=3", RUNS, 200),
        case("/repos/acme/none/actions/runs", RUNS, 404),
    ] {
        contract.send(case).await;
    }
    let body = json!({ "ref": "refs/heads/main", "inputs": { "SANDBOX_OUTCOME": "failure" } });
    let started = contract.send(dispatch("ci.yml", told, body, 200)).await;
    format!("{REPO}/runs/{}", started["workflow_run_id"])
}

async fn gitea_control(contract: &mut Contract<'_>, run: &str) {
    let of = |part: &str| format!("{run}{part}");
    let one = "/repos/{owner}/{repo}/actions/runs/{run}";
    let jobs = "/repos/{owner}/{repo}/actions/runs/{run}/jobs";
    let rerun = "/repos/{owner}/{repo}/actions/runs/{run}/rerun";
    let failed = "/repos/{owner}/{repo}/actions/runs/{run}/rerun-failed-jobs";
    let again = "/repos/{owner}/{repo}/actions/runs/{run}/jobs/{job_id}/rerun";
    for case in [
        post(of("/rerun"), rerun, json!({}), 400),
        delete(of(""), one, 400),
        case(run, one, 200),
        case(of("/jobs"), jobs, 200),
        case(run, one, 200),
        post(of("/rerun-failed-jobs"), failed, json!({}), 201),
        case(of("/jobs?status=success"), jobs, 200),
        case(of("/jobs?status=none"), jobs, 400),
        case(run, one, 200),
        case(run, one, 200),
        post(of("/rerun"), rerun, json!({}), 201),
        case(of("/jobs"), jobs, 200),
        case(of("/jobs"), jobs, 200),
    ] {
        contract.send(case).await;
    }
    let all = contract.send(case(of("/jobs"), jobs, 200)).await;
    let id = &all["jobs"][1]["id"];
    let job = format!("{REPO}/jobs/{id}");
    contract.send(case(job.clone(), JOB, 200)).await;
    contract.send(case(format!("{REPO}/jobs/999999"), JOB, 404)).await;
    // A log is no JSON.
    let log = contract.rig.get("gitea-a", &format!("{job}/logs")).await;
    assert_eq!(
        (log.status().as_u16(), header(&log, "content-type")),
        (200, Some("text/plain; charset=utf-8"))
    );
    assert!(log.text().await.unwrap().contains("make: *** [test] Error 1"));
    contract.checked.push(format!("GET {LOG}"));
    contract
        .send(post(of(&format!("/jobs/{id}/rerun")), again, json!({}), 201))
        .await;
    contract
        .send(post(of("/jobs/999999/rerun"), again, json!({}), 404))
        .await;
    let runs = contract.send(case(format!("{REPO}/runs?limit=50"), RUNS, 200)).await;
    let done = format!("{REPO}/runs/{}", find(&runs, "skipped")["id"]);
    contract.send(delete(done.clone(), one, 204)).await;
    contract.send(delete(done, one, 404)).await;
}

async fn gitea_rest(contract: &mut Contract<'_>) {
    let zip = "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/zip";
    let artifacts = "/repos/{owner}/{repo}/actions/runs/{run}/artifacts";
    let runs = contract.send(case(format!("{REPO}/runs?limit=50"), RUNS, 200)).await;
    let good = format!("{REPO}/runs/{}", find(&runs, "failure")["id"]);
    contract.send(case(format!("{good}/artifacts"), artifacts, 200)).await;
    let all = contract
        .send(case(
            format!("{REPO}/artifacts"),
            "/repos/{owner}/{repo}/actions/artifacts",
            200,
        ))
        .await;
    let by = |expired: bool| {
        let mut all = all["artifacts"].as_array().unwrap().iter();
        let found = all.find(|one| one["expired"] == expired).unwrap();
        format!("{REPO}/artifacts/{}", found["id"])
    };
    let one = "/repos/{owner}/{repo}/actions/secrets/{secretname}";
    let put = |name: &str, body, status| with(Method::PUT, format!("{SECRETS_OF}/{name}"), one, body, status);
    for case in [
        case(by(false), ARTIFACT, 200),
        case(format!("{}/zip", by(false)), zip, 302),
        case(format!("{}/zip", by(true)), zip, 404),
        put("TOKEN", json!({ "data": "value" }), 201),
        put("TOKEN", json!({ "data": "value" }), 204),
        put("GITEA_TOKEN", json!({ "data": "value" }), 400),
        case(SECRETS_OF, SECRETS, 200),
        delete(format!("{SECRETS_OF}/TOKEN"), one, 204),
        delete(format!("{SECRETS_OF}/TOKEN"), one, 404),
    ] {
        contract.send(case).await;
    }
}
