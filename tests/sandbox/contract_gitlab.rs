//! Every kind of GitLab's answers against what is recorded of them.
//!
//! Invariant: no operation of git and of projects that GitLab has in the catalogue is left out, and no route is served unasked here.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::{Case, case, delete, post, with};
use crate::gitlab_shape::{differences, plain, served};
use crate::{Rig, contract_gitlab_merges, contract_gitlab_repository, contract_trackers, specs};

const PROJECT: &str = "/projects/{id}";

/// A server, and what was found of its answers.
pub(crate) struct Contract {
    rig: Rig,
    recorded: std::path::PathBuf,
    asked: BTreeSet<String>,
    faults: Vec<String>,
}

impl Contract {
    /// Sends a request; its answer has the recorded shape of `file`, or that of a refusal.
    pub(crate) async fn send(&mut self, case: Case, file: Option<&str>) -> Value {
        let request = self.rig.request("gitlab-a", case.method.clone(), &case.path);
        let request = match &case.body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.unwrap();
        let (what, given) = (format!("{} {}", case.method, case.path), response.status().as_u16());
        self.asked.insert(format!("{} {}", case.method, plain(case.operation)));
        let text = response.text().await.unwrap();
        if given != case.status {
            self.faults
                .push(format!("{what}: {given} instead of {}: {text}", case.status));
        }
        let answer = serde_json::from_str(&text).unwrap_or(Value::Null);
        if given >= 400 && !is_refusal(&answer) {
            self.faults.push(format!("{what}: {text} is no refusal of GitLab's"));
        }
        if let Some(file) = file {
            let recorded = std::fs::read(self.recorded.join(file)).expect(file);
            let recorded: Value = serde_json::from_slice(&recorded).expect(file);
            let found = differences(&recorded, &answer, "");
            self.faults
                .extend(found.into_iter().map(|found| format!("{what} ({file}): {found}")));
        }
        answer
    }

    /// Those whose answers are refusals, or have no record.
    pub(crate) async fn all(&mut self, cases: impl IntoIterator<Item = Case>) {
        for case in cases {
            self.send(case, None).await;
        }
    }

    pub(crate) async fn recorded(&mut self, cases: impl IntoIterator<Item = (Case, &'static str)>) {
        for (case, file) in cases {
            self.send(case, Some(file)).await;
        }
    }
}

/// `message`: a text, a list or lists by field; or `error`: a text or a list.
fn is_refusal(answer: &Value) -> bool {
    let words =
        |value: &Value| value.is_string() || value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    let message = &answer["message"];
    let fields = message.as_object().is_some_and(|fields| fields.values().all(words));
    words(message) || fields || words(&answer["error"])
}

pub(crate) fn put(path: impl Into<String>, operation: &'static str, body: Value, status: u16) -> Case {
    with(Method::PUT, path, operation, body, status)
}

pub(crate) fn api(rest: &str) -> String {
    format!("/projects/acme%2Fapi{rest}")
}

#[tokio::test]
async fn every_gitlab_answer_has_its_recorded_shape() {
    let Some(folder) = specs::folder() else {
        return;
    };
    let mut contract = Contract {
        rig: Rig::start().await,
        recorded: folder.join("go-scm-testdata/gitlab"),
        asked: BTreeSet::new(),
        faults: Vec::new(),
    };
    around(&mut contract).await;
    projects(&mut contract).await;
    contract_gitlab_repository::repository(&mut contract).await;
    contract_gitlab_repository::files(&mut contract).await;
    contract_gitlab_repository::beside(&mut contract).await;
    contract_gitlab_merges::merges(&mut contract).await;
    contract_gitlab_merges::said(&mut contract).await;
    contract_trackers::gitlab(&mut contract).await;
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
    let table = std::fs::read_to_string(folder.join("operation-catalogue.tsv")).unwrap();
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| {
        (row[0].starts_with("git.") || row[0].starts_with("projects.")) && row[1] == "GL" && row[2] != "UNSUPPORTED"
    });
    let of_table = rows.map(|row| plain(row[2].split('?').next().unwrap_or_default()));
    // Those of OAuth are no part of the API, and have tests of their own.
    let own = served().into_iter().filter(|route| !route.contains("/oauth/"));
    let missing: Vec<_> = of_table
        .chain(own)
        .filter(|route| !contract.asked.contains(route))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

async fn around(contract: &mut Contract) {
    contract
        .recorded([
            (case("/user", "/user", 200), "user.json"),
            (
                case("/namespaces?search=acme", "/namespaces", 200),
                "find_namespace.json",
            ),
            (case("/groups/acme", "/groups/{id}", 200), "group.json"),
            (case("/groups", "/groups", 200), "groups.json"),
        ])
        .await;
    let group = json!({ "name": "Team", "path": "team" });
    contract
        .all([
            case("/version", "/version", 200),
            case("/metadata", "/metadata", 200),
            case("/users?username=sandbox-user", "/users", 200),
            case("/users/1", "/users/{id}", 200),
            case("/users/9", "/users/{id}", 404),
            case("/users/sandbox-user/projects", "/users/{id}/projects", 200),
            case("/users/nobody/projects", "/users/{id}/projects", 404),
            case("/personal_access_tokens/self", "/personal_access_tokens/self", 200),
            case("/namespaces/acme%2Fplatform", "/namespaces/{id}", 200),
            case("/namespaces/none", "/namespaces/{id}", 404),
            case("/groups/none", "/groups/{id}", 404),
            case("/groups/acme/subgroups", "/groups/{id}/subgroups", 200),
            case("/groups/acme/descendant_groups", "/groups/{id}/descendant_groups", 200),
            case("/groups/many/projects", "/groups/{id}/projects", 200),
            post("/groups", "/groups", group.clone(), 201),
            post("/groups", "/groups", group, 400),
            post("/groups", "/groups", json!({ "name": "x" }), 400),
            case("/none", "/none", 404),
            case("/projects/acme/api", "/projects", 404),
            post("/groups", "/groups", json!([]), 400),
        ])
        .await;
}

async fn projects(contract: &mut Contract) {
    contract
        .recorded([
            (case("/projects?membership=true", "/projects", 200), "repos.json"),
            (case(api(""), PROJECT, 200), "repo.json"),
            (
                case("/projects/acme%2Fplatform%2Ftools", PROJECT, 200),
                "nested_repo.json",
            ),
        ])
        .await;
    let path = "/projects/acme%2Fnew";
    contract
        .all([
            case("/projects?per_page=0", "/projects", 400),
            case("/projects/acme%2Fnone", PROJECT, 404),
            case("/projects/acme%252Fapi", PROJECT, 404),
            case("/projects/quirks%2Fformer", PROJECT, 301),
            put("/projects/quirks%2Fformer", PROJECT, json!({ "description": "x" }), 405),
            post(
                "/projects",
                "/projects",
                json!({ "name": "mine", "initialize_with_readme": true }),
                201,
            ),
            post("/projects", "/projects", json!({ "name": "mine" }), 400),
            post("/projects", "/projects", json!({}), 400),
            post("/projects", "/projects", json!({ "name": "x", "namespace_id": 1 }), 400),
            put(
                "/projects/sandbox-user%2Fmine",
                PROJECT,
                json!({ "description": "x" }),
                200,
            ),
            put(
                "/projects/sandbox-user%2Fmine",
                PROJECT,
                json!({ "default_branch": "none" }),
                400,
            ),
            put(
                "/projects/sandbox-guest%2Fapi",
                PROJECT,
                json!({ "description": "x" }),
                403,
            ),
            post(
                api("/fork"),
                "/projects/{id}/fork",
                json!({ "path": "new", "namespace_path": "acme" }),
                201,
            ),
            post(
                api("/fork"),
                "/projects/{id}/fork",
                json!({ "namespace_path": "acme" }),
                409,
            ),
            post(
                api("/fork"),
                "/projects/{id}/fork",
                json!({ "namespace_path": "none" }),
                404,
            ),
            case(api("/forks"), "/projects/{id}/forks", 200),
            post(format!("{path}/archive"), "/projects/{id}/archive", json!({}), 201),
            put(path, PROJECT, json!({ "description": "x" }), 403),
            post(format!("{path}/unarchive"), "/projects/{id}/unarchive", json!({}), 201),
            delete(path, PROJECT, 202),
            delete(path, PROJECT, 400),
            post(format!("{path}/restore"), "/projects/{id}/restore", json!({}), 201),
            delete(
                format!("{path}?permanently_remove=true&full_path=acme/new"),
                PROJECT,
                400,
            ),
            delete(path, PROJECT, 202),
            delete(format!("{path}?permanently_remove=true&full_path=new"), PROJECT, 400),
            delete(
                format!("{path}?permanently_remove=true&full_path=acme/new"),
                PROJECT,
                202,
            ),
            case(path, PROJECT, 404),
            delete("/projects/sandbox-guest%2Fapi", PROJECT, 403),
        ])
        .await;
}
