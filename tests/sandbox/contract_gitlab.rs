//! Every kind of GitLab's answers against what is recorded of them.
//!
//! Invariant: no operation of git that GitLab has in the catalogue is left out, and no route is served unasked here.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::{Case, case, delete, post, with};
use crate::gitlab_shape::{differences, plain, served};
use crate::{Rig, specs};

const PROJECT: &str = "/projects/{id}";
const BRANCHES: &str = "/projects/{id}/repository/branches";
const BRANCH: &str = "/projects/{id}/repository/branches/{branch}";
const COMMITS: &str = "/projects/{id}/repository/commits";
const COMMIT: &str = "/projects/{id}/repository/commits/{sha}";
const FILE: &str = "/projects/{id}/repository/files/{file_path}";
const TREE: &str = "/projects/{id}/repository/tree";
const COMPARE: &str = "/projects/{id}/repository/compare";
const TAGS: &str = "/projects/{id}/repository/tags";
const RELEASES: &str = "/projects/{id}/releases";
const RELEASE: &str = "/projects/{id}/releases/{tag}";
const MERGES: &str = "/projects/{id}/merge_requests";
const MERGE: &str = "/projects/{id}/merge_requests/{iid}";
const NOTES: &str = "/projects/{id}/merge_requests/{iid}/notes";
const HOOKS: &str = "/projects/{id}/hooks";
const STATUSES: &str = "/projects/{id}/statuses/{sha}";
const PROTECTED: &str = "/projects/{id}/protected_branches";

/// A server, and what was found of its answers.
struct Contract {
    rig: Rig,
    recorded: std::path::PathBuf,
    asked: BTreeSet<String>,
    faults: Vec<String>,
}

impl Contract {
    /// Sends a request; its answer has the recorded shape of `file`, or that of a refusal.
    async fn send(&mut self, case: Case, file: Option<&str>) -> Value {
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
    async fn all(&mut self, cases: impl IntoIterator<Item = Case>) {
        for case in cases {
            self.send(case, None).await;
        }
    }

    async fn recorded(&mut self, cases: impl IntoIterator<Item = (Case, &'static str)>) {
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

fn put(path: impl Into<String>, operation: &'static str, body: Value, status: u16) -> Case {
    with(Method::PUT, path, operation, body, status)
}

fn api(rest: &str) -> String {
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
    repository(&mut contract).await;
    files(&mut contract).await;
    beside(&mut contract).await;
    merges(&mut contract).await;
    said(&mut contract).await;
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
    let table = std::fs::read_to_string(folder.join("operation-catalogue.tsv")).unwrap();
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0].starts_with("git.") && row[1] == "GL");
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

async fn repository(contract: &mut Contract) {
    let branch = |name: &str, from: &str| json!({ "branch": name, "ref": from });
    contract
        .recorded([
            (case(api("/repository/branches"), BRANCHES, 200), "branches.json"),
            (
                case(api("/repository/branches/release%2F1.4"), BRANCH, 200),
                "branch.json",
            ),
            (
                post(api("/repository/branches"), BRANCHES, branch("work", "main"), 201),
                "create_branch.json",
            ),
            (case(api("/repository/commits"), COMMITS, 200), "commits.json"),
            (case(api("/repository/commits/main"), COMMIT, 200), "commit.json"),
            (
                case(
                    api("/repository/commits/main/diff"),
                    "/projects/{id}/repository/commits/{sha}/diff",
                    200,
                ),
                "commit_diff.json",
            ),
            (
                case(api("/repository/compare?from=main&to=develop"), COMPARE, 200),
                "compare.json",
            ),
            (case(api("/repository/tree?path=src"), TREE, 200), "content_list.json"),
            (
                post(
                    api("/repository/tags"),
                    TAGS,
                    json!({ "tag_name": "v1", "ref": "main", "message": "m" }),
                    201,
                ),
                "tag.json",
            ),
            (case(api("/repository/tags"), TAGS, 200), "tags.json"),
        ])
        .await;
    let tag = "/projects/{id}/repository/tags/{tag}";
    let empty = "/projects/quirks%2Fempty/repository";
    contract
        .all([
            case(api("/repository/branches/none"), BRANCH, 404),
            post(api("/repository/branches"), BRANCHES, branch("work", "main"), 400),
            post(api("/repository/branches"), BRANCHES, branch("x", "none"), 400),
            post(api("/repository/branches"), BRANCHES, json!({ "branch": "x" }), 400),
            delete(api("/repository/branches/main"), BRANCH, 400),
            delete(api("/repository/branches/release%2F1.4"), BRANCH, 400),
            delete(api("/repository/branches/none"), BRANCH, 404),
            delete("/projects/sandbox-guest%2Fapi/repository/branches/develop", BRANCH, 405),
            case(format!("{empty}/branches"), BRANCHES, 200),
            case(format!("{empty}/tags"), TAGS, 200),
            case(format!("{empty}/commits"), COMMITS, 404),
            case(format!("{empty}/tree"), TREE, 404),
            post(format!("{empty}/branches"), BRANCHES, branch("x", "main"), 400),
            post(
                "/projects/quirks%2Farchived/repository/branches",
                BRANCHES,
                branch("x", "main"),
                403,
            ),
            case(api("/repository/commits/none"), COMMIT, 404),
            case(
                api("/repository/commits/main/refs"),
                "/projects/{id}/repository/commits/{sha}/refs",
                200,
            ),
            case(
                api("/repository/merge_base?refs[]=main&refs[]=develop"),
                "/projects/{id}/repository/merge_base",
                200,
            ),
            case(api("/repository/compare?from=main"), COMPARE, 400),
            case(api("/repository/compare?from=main&to=none"), COMPARE, 404),
            case(api("/repository/tree?path=none"), TREE, 404),
            case(api("/repository/tree?ref=none"), TREE, 404),
            post(
                api("/repository/tags"),
                TAGS,
                json!({ "tag_name": "v1", "ref": "main" }),
                400,
            ),
            post(
                api("/repository/tags"),
                TAGS,
                json!({ "tag_name": "v2", "ref": "none" }),
                400,
            ),
            case(api("/repository/tags/v1"), tag, 200),
            delete(api("/repository/tags/v1"), tag, 204),
            case(api("/repository/tags/v1"), tag, 404),
        ])
        .await;
}

async fn files(contract: &mut Contract) {
    let raw = "/projects/{id}/repository/files/{file_path}/raw";
    let (blob, raw_blob) = (
        "/projects/{id}/repository/blobs/{sha}",
        "/projects/{id}/repository/blobs/{sha}/raw",
    );
    let readme = api("/repository/files/README%2Emd");
    let file = contract
        .send(case(format!("{readme}?ref=main"), FILE, 200), Some("content.json"))
        .await;
    let sha = file["blob_id"].as_str().unwrap();
    let path = api("/repository/files/docs%2Fnew%20file%2Emd");
    let write = |text: &str| json!({ "branch": "work", "commit_message": "m", "content": text, "encoding": "text" });
    contract
        .send(post(&path, FILE, write("1"), 201), Some("content_update.json"))
        .await;
    contract
        .send(put(&path, FILE, write("2"), 200), Some("content_update.json"))
        .await;
    let removal = json!({ "branch": "work", "commit_message": "m" });
    let action = |kind: &str| json!({ "action": kind, "file_path": "many.txt", "content": "x" });
    let commit = |kind: &str| json!({ "branch": "work", "commit_message": "m", "actions": [action(kind)] });
    contract
        .send(
            post(api("/repository/commits"), COMMITS, commit("create"), 201),
            Some("commit.json"),
        )
        .await;
    contract
        .all([
            case(api(&format!("/repository/blobs/{sha}")), blob, 200),
            case(api(&format!("/repository/blobs/{sha}/raw")), raw_blob, 200),
            case(&readme, FILE, 400),
            case(format!("{readme}?ref=none"), FILE, 404),
            case(api("/repository/files/none?ref=HEAD"), FILE, 404),
            case(format!("{readme}/raw"), raw, 200),
            case(api("/repository/files/none/raw"), raw, 404),
            post(&path, FILE, write("3"), 400),
            post(&path, FILE, json!({ "branch": "work" }), 400),
            put(&path, FILE, write("2"), 400),
            put(api("/repository/files/none"), FILE, write("2"), 400),
            put(
                &readme,
                FILE,
                json!({ "branch": "main", "commit_message": "m", "content": "x" }),
                400,
            ),
            put(
                &readme,
                FILE,
                json!({ "branch": "none", "commit_message": "m", "content": "x" }),
                400,
            ),
            with(Method::DELETE, &path, FILE, removal.clone(), 204),
            with(Method::DELETE, &path, FILE, removal, 400),
            post(api("/repository/commits"), COMMITS, commit("create"), 400),
            post(api("/repository/commits"), COMMITS, commit("break"), 400),
            post(
                api("/repository/commits"),
                COMMITS,
                json!({ "branch": "main", "commit_message": "m", "actions": [action("update")] }),
                403,
            ),
        ])
        .await;
}

async fn beside(contract: &mut Contract) {
    let release = |tag: &str| json!({ "tag_name": tag, "ref": "main", "description": "text" });
    let status = |state: &str| json!({ "state": state, "name": "ci", "ref": "work" });
    let hook = json!({ "url": "https://example.com/hook", "token": "t" });
    contract
        .recorded([
            (post(api("/releases"), RELEASES, release("r1"), 201), "release.json"),
            (case(api("/releases"), RELEASES, 200), "releases.json"),
            (
                post(api("/statuses/work"), STATUSES, status("pending"), 201),
                "status.json",
            ),
            (
                case(
                    api("/repository/commits/work/statuses"),
                    "/projects/{id}/repository/commits/{sha}/statuses",
                    200,
                ),
                "statuses.json",
            ),
            (post(api("/hooks"), HOOKS, hook, 201), "hook.json"),
        ])
        .await;
    let hooks = contract.send(case(api("/hooks"), HOOKS, 200), Some("hooks.json")).await;
    let (one, of_hook) = (
        api(&format!("/hooks/{}", hooks[0]["id"])),
        "/projects/{id}/hooks/{hook}",
    );
    let protected = "/projects/{id}/protected_branches/{branch}";
    contract
        .all([
            case(api("/releases/r1"), RELEASE, 200),
            case(api("/releases/none"), RELEASE, 404),
            post(api("/releases"), RELEASES, release("r1"), 409),
            post(api("/releases"), RELEASES, json!({ "tag_name": "r2" }), 422),
            delete(api("/releases/r1"), RELEASE, 200),
            post(api("/statuses/work"), STATUSES, status("pending"), 400),
            post(api("/statuses/work"), STATUSES, status("good"), 400),
            post(api("/statuses/none"), STATUSES, status("success"), 404),
            case(&one, of_hook, 200),
            delete(&one, of_hook, 204),
            delete(&one, of_hook, 404),
            post(api("/hooks"), HOOKS, json!({ "url": "nowhere" }), 422),
            case("/projects/sandbox-guest%2Fapi/hooks", HOOKS, 403),
            case(api("/protected_branches"), PROTECTED, 200),
            post(api("/protected_branches"), PROTECTED, json!({ "name": "develop" }), 201),
            post(api("/protected_branches"), PROTECTED, json!({ "name": "develop" }), 409),
            case(api("/protected_branches/develop"), protected, 200),
            delete(api("/protected_branches/develop"), protected, 204),
            case(api("/protected_branches/develop"), protected, 404),
        ])
        .await;
}

async fn merges(contract: &mut Contract) {
    let new = json!({ "source_branch": "work", "target_branch": "main", "title": "Work", "description": "text" });
    let made = contract
        .send(
            post(api("/merge_requests"), MERGES, new.clone(), 201),
            Some("pr_create.json"),
        )
        .await;
    let path = api(&format!("/merge_requests/{}", made["iid"]));
    let below = |what: &str| format!("{path}{what}");
    contract
        .recorded([
            (case(api("/merge_requests?state=all"), MERGES, 200), "merges.json"),
            (case(&path, MERGE, 200), "merge.json"),
            (
                case(below("/changes"), "/projects/{id}/merge_requests/{iid}/changes", 200),
                "merge_diff.json",
            ),
            (
                case(below("/commits"), "/projects/{id}/merge_requests/{iid}/commits", 200),
                "commits.json",
            ),
            (
                case(below("/diffs"), "/projects/{id}/merge_requests/{iid}/diffs", 200),
                "commit_diff.json",
            ),
            (case("/merge_requests", "/merge_requests", 200), "merges.json"),
            (put(&path, MERGE, json!({ "title": "Draft: work" }), 200), "merge.json"),
        ])
        .await;
    let of_merge = "/projects/{id}/merge_requests/{iid}/merge";
    contract
        .all([
            post(api("/merge_requests"), MERGES, new, 409),
            post(api("/merge_requests"), MERGES, json!({ "source_branch": "work" }), 400),
            post(
                api("/merge_requests"),
                MERGES,
                json!({ "source_branch": "main", "target_branch": "main", "title": "t" }),
                422,
            ),
            post(
                api("/merge_requests"),
                MERGES,
                json!({ "source_branch": "none", "target_branch": "main", "title": "t" }),
                400,
            ),
            case(api("/merge_requests/1"), MERGE, 404),
            put(&path, MERGE, json!({}), 400),
            put(below("/merge"), of_merge, json!({}), 405),
            put(&path, MERGE, json!({ "title": "Work" }), 200),
            put(below("/merge"), of_merge, json!({ "sha": "0".repeat(40) }), 409),
            case(
                below("/reviewers"),
                "/projects/{id}/merge_requests/{iid}/reviewers",
                200,
            ),
            case(
                api("/repository/commits/work/merge_requests"),
                "/projects/{id}/repository/commits/{sha}/merge_requests",
                200,
            ),
        ])
        .await;
    contract
        .send(
            put(below("/merge"), of_merge, json!({ "squash": true }), 200),
            Some("pr_create.json"),
        )
        .await;
    contract.all([put(below("/merge"), of_merge, json!({}), 405)]).await;
}

/// To the guest's merge request, which is not our own.
async fn said(contract: &mut Contract) {
    let path = api("/merge_requests/3");
    let below = |what: &str| format!("{path}{what}");
    let (approve, unapprove) = (
        "/projects/{id}/merge_requests/{iid}/approve",
        "/projects/{id}/merge_requests/{iid}/unapprove",
    );
    let (discussions, one) = (
        "/projects/{id}/merge_requests/{iid}/discussions",
        "/projects/{id}/merge_requests/{iid}/discussions/{discussion}",
    );
    let note = contract
        .send(
            post(below("/notes"), NOTES, json!({ "body": "Well" }), 201),
            Some("merge_note.json"),
        )
        .await;
    contract
        .send(case(below("/notes"), NOTES, 200), Some("merge_notes.json"))
        .await;
    let talk =
        json!({ "body": "Here", "position": { "position_type": "text", "new_path": "notes/3.md", "new_line": 1 } });
    let talk = contract
        .send(post(below("/discussions"), discussions, talk, 201), None)
        .await;
    contract
        .all([
            case(
                below(&format!("/notes/{}", note["id"])),
                "/projects/{id}/merge_requests/{iid}/notes/{note}",
                200,
            ),
            post(below("/notes"), NOTES, json!({}), 400),
            post(below("/notes"), NOTES, json!({ "body": "/label bug" }), 202),
            case(below("/discussions"), discussions, 200),
            case(
                below(&format!("/discussions/{}", talk["id"].as_str().unwrap())),
                one,
                200,
            ),
            case(below("/discussions/none"), one, 404),
            case(
                below("/approvals"),
                "/projects/{id}/merge_requests/{iid}/approvals",
                200,
            ),
            post(below("/approve"), approve, json!({ "sha": "0".repeat(40) }), 409),
            post(below("/approve"), approve, json!({}), 201),
            post(below("/approve"), approve, json!({}), 401),
            post(below("/unapprove"), unapprove, json!({}), 201),
            post(below("/unapprove"), unapprove, json!({}), 404),
        ])
        .await;
}
