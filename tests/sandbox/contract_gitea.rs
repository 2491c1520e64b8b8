//! Every answer of Gitea against its own description.
//!
//! Invariant: no operation of git and of projects that Gitea has in the catalogue is left out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::{Contract, Spec, case, delete, post, with};
use crate::{contract_gitea_beside, contract_trackers, specs};

const REPO: &str = "/repos/{owner}/{repo}";
const FORKS: &str = "/repos/{owner}/{repo}/forks";
const BRANCHES: &str = "/repos/{owner}/{repo}/branches";
const BRANCH: &str = "/repos/{owner}/{repo}/branches/{branch}";
const TAGS: &str = "/repos/{owner}/{repo}/tags";
pub(crate) const TAG: &str = "/repos/{owner}/{repo}/tags/{tag}";
const COMMITS: &str = "/repos/{owner}/{repo}/commits";
const COMMIT: &str = "/repos/{owner}/{repo}/git/commits/{sha}";
const COMPARE: &str = "/repos/{owner}/{repo}/compare/{basehead}";
const TREE: &str = "/repos/{owner}/{repo}/git/trees/{sha}";
const CONTENTS: &str = "/repos/{owner}/{repo}/contents/{filepath}";

#[tokio::test]
async fn every_gitea_answer_meets_its_description() {
    let Some(spec) = Spec::load("gitea-1.26.1.swagger.json") else {
        return;
    };
    // A new tag is answered with 201, and the description says 200.
    let spec = spec.also("post", TAGS, 201, 200);
    let errors = json!({ "$ref": "#/definitions/APIError" });
    let mut contract = Contract::start("gitea-a", &spec, &errors).await;
    around(&mut contract).await;
    repositories(&mut contract).await;
    branches_and_tags(&mut contract).await;
    let commit = commits(&mut contract).await;
    files(&mut contract).await;
    contract_gitea_beside::pulls(&mut contract).await;
    contract_gitea_beside::issues(&mut contract).await;
    contract_gitea_beside::beside(&mut contract, &commit).await;
    contract_trackers::gitea(&mut contract).await;
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
    let folder = specs::folder().expect("the description was there");
    let table = std::fs::read_to_string(folder.join("operation-catalogue.tsv")).unwrap();
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| {
        (row[0].starts_with("git.") || row[0].starts_with("projects.")) && row[1] == "GT" && row[2] != "UNSUPPORTED"
    });
    let missing: Vec<_> = rows
        .filter(|row| !contract.checked.iter().any(|checked| checked == row[2]))
        .collect();
    // Bytes are no JSON: another test has them.
    let raw = |row: &Vec<&str>| row[2] == "GET /repos/{owner}/{repo}/raw/{filepath}";
    assert!(missing.iter().all(raw), "{missing:?}");
}

async fn around(contract: &mut Contract<'_>) {
    for case in [
        case("/version", "/version", 200),
        case("/settings/api", "/settings/api", 200),
        case("/user", "/user", 200),
        case("/users/sandbox-guest", "/users/{username}", 200),
        case("/users/nobody", "/users/{username}", 404),
        case("/user/repos", "/user/repos", 200),
        case("/users/sandbox-user/repos", "/users/{username}/repos", 200),
        case("/users/nobody/repos", "/users/{username}/repos", 404),
        case("/orgs/many/repos?limit=50", "/orgs/{org}/repos", 200),
        case("/orgs/none/repos", "/orgs/{org}/repos", 404),
        case("/orgs/acme/labels", "/orgs/{org}/labels", 200),
        case("/repos/search?q=api", "/repos/search", 200),
        case("/repos/issues/search?state=all&q=login", "/repos/issues/search", 200),
    ] {
        contract.send(case).await;
    }
}

async fn repositories(contract: &mut Contract<'_>) {
    let new = |name: &str| json!({ "name": name, "private": true, "auto_init": true, "default_branch": "trunk" });
    let edit = |body| with(Method::PATCH, "/repos/acme/new", REPO, body, 200);
    let made = contract
        .send(post("/user/repos", "/user/repos", new("mine"), 201))
        .await;
    assert_eq!(made["default_branch"], "trunk");
    for case in [
        case("/repos/acme/api", REPO, 200),
        case("/repos/acme/none", REPO, 404),
        case(format!("/repositories/{}", made["id"]), "/repositories/{id}", 200),
        case("/repositories/1", "/repositories/{id}", 404),
        post("/user/repos", "/user/repos", new("mine"), 409),
        post("/user/repos", "/user/repos", json!({}), 422),
        post("/user/repos", "/user/repos", json!({ "name": "a b" }), 422),
        post("/orgs/acme/repos", "/orgs/{org}/repos", new("new"), 201),
        post("/orgs/none/repos", "/orgs/{org}/repos", new("new"), 404),
        edit(json!({ "description": "x", "default_branch": "none" })),
        edit(json!({ "name": "newer", "archived": true })),
        with(
            Method::PATCH,
            "/repos/acme/newer",
            REPO,
            json!({ "name": "api", "archived": false }),
            422,
        ),
        with(
            Method::PATCH,
            "/repos/sandbox-guest/api",
            REPO,
            json!({ "private": true }),
            403,
        ),
        delete("/repos/acme/newer", REPO, 204),
        delete("/repos/acme/newer", REPO, 404),
        delete("/repos/sandbox-guest/api", REPO, 403),
        post("/repos/acme/api/forks", FORKS, json!({}), 202),
        post("/repos/acme/api/forks", FORKS, json!({}), 409),
        post("/repos/acme/api/forks", FORKS, json!({ "organization": "none" }), 422),
        post("/repos/acme/none/forks", FORKS, json!({}), 404),
        case("/repos/acme/api/forks", FORKS, 200),
        case("/repos/sandbox-user/api", REPO, 200),
    ] {
        contract.send(case).await;
    }
}

async fn branches_and_tags(contract: &mut Contract<'_>) {
    let branch = |new: &str, old: &str| json!({ "new_branch_name": new, "old_ref_name": old });
    let tag =
        |name: &str, target: &str, message: &str| json!({ "tag_name": name, "target": target, "message": message });
    let made = contract
        .send(post("/repos/acme/api/tags", TAGS, tag("v1", "main", "First"), 201))
        .await;
    for case in [
        case("/repos/acme/api/branches", BRANCHES, 200),
        case("/repos/acme/api/branches/release/1.4", BRANCH, 200),
        case("/repos/acme/api/branches/none", BRANCH, 404),
        post("/repos/acme/api/branches", BRANCHES, branch("work", "main"), 201),
        post("/repos/acme/api/branches", BRANCHES, branch("work", "main"), 409),
        post("/repos/acme/api/branches", BRANCHES, branch("v1", "main"), 409),
        post("/repos/acme/api/branches", BRANCHES, branch("x", "none"), 500),
        post("/repos/acme/api/branches", BRANCHES, branch("a b", "main"), 422),
        post(
            "/repos/acme/api/branches",
            BRANCHES,
            json!({ "new_branch_name": "x", "old_branch_name": "none" }),
            404,
        ),
        post("/repos/quirks/empty/branches", BRANCHES, branch("x", ""), 404),
        post("/repos/quirks/archived/branches", BRANCHES, branch("x", ""), 423),
        post("/repos/acme/api/branches", BRANCHES, branch("gone/x", ""), 201),
        delete("/repos/acme/api/branches/gone/x", BRANCH, 204),
        delete("/repos/acme/api/branches/gone/x", BRANCH, 404),
        delete("/repos/acme/api/branches/main", BRANCH, 403),
        delete("/repos/acme/api/branches/release%2F1.4", BRANCH, 403),
        post("/repos/acme/api/tags", TAGS, tag("v1", "main", ""), 409),
        post("/repos/acme/api/tags", TAGS, tag("x", "none", ""), 404),
        post("/repos/acme/api/tags", TAGS, tag("v0/x", "", ""), 201),
        case("/repos/acme/api/tags", TAGS, 200),
        case("/repos/acme/api/tags/v1", TAG, 200),
        case("/repos/acme/api/tags/none", TAG, 404),
        delete("/repos/acme/api/tags/v0/x", TAG, 204),
        delete("/repos/acme/api/tags/v0/x", TAG, 404),
        case(
            format!("/repos/acme/api/git/tags/{}", made["id"].as_str().unwrap()),
            "/repos/{owner}/{repo}/git/tags/{sha}",
            200,
        ),
    ] {
        contract.send(case).await;
    }
}

/// Answers the last commit of `acme/api`.
async fn commits(contract: &mut Contract<'_>) -> String {
    let head = contract
        .send(case("/repos/acme/api/git/commits/main", COMMIT, 200))
        .await;
    let commit = head["sha"].as_str().unwrap().to_owned();
    for case in [
        case("/repos/acme/api/commits", COMMITS, 200),
        case(
            "/repos/acme/api/commits?stat=false&files=false&verification=false",
            COMMITS,
            200,
        ),
        case("/repos/acme/api/commits?path=src&sha=develop", COMMITS, 200),
        case("/repos/acme/api/commits?path=none", COMMITS, 404),
        case("/repos/acme/api/commits?sha=none", COMMITS, 404),
        case("/repos/acme/api/commits?since=yesterday", COMMITS, 422),
        case("/repos/quirks/empty/commits", COMMITS, 409),
        case("/repos/acme/api/git/commits/release%2F1.4", COMMIT, 200),
        case("/repos/acme/api/git/commits/none", COMMIT, 404),
        case("/repos/acme/api/git/commits/a%20b", COMMIT, 422),
        case("/repos/acme/api/compare/main...develop", COMPARE, 200),
        case("/repos/acme/api/compare/main..release/1.4", COMPARE, 200),
        case("/repos/acme/api/compare/main...sandbox-guest:pull-3", COMPARE, 200),
        case("/repos/acme/api/compare/main...none", COMPARE, 404),
        case("/repos/acme/api/git/trees/main", TREE, 200),
        case(
            "/repos/acme/api/git/trees/main?recursive=true&per_page=3&page=2",
            TREE,
            200,
        ),
        case("/repos/acme/api/git/trees/none", TREE, 400),
    ] {
        contract.send(case).await;
    }
    commit
}

async fn files(contract: &mut Contract<'_>) {
    for case in [
        case("/repos/acme/api/contents/README.md", CONTENTS, 200),
        case("/repos/acme/api/contents/data/large.txt", CONTENTS, 200),
        case("/repos/acme/api/contents/none", CONTENTS, 404),
        case("/repos/acme/api/contents", "/repos/{owner}/{repo}/contents", 200),
        case("/repos/quirks/empty/contents", "/repos/{owner}/{repo}/contents", 404),
    ] {
        contract.send(case).await;
    }
    let path = "/repos/acme/api/contents/docs/new%20file.md";
    let write = |text: &str, sha: Value| json!({ "message": "m", "content": text, "branch": "work", "sha": sha });
    let create = |body, status| post(path, CONTENTS, body, status);
    let update = |body, status| with(Method::PUT, path, CONTENTS, body, status);
    let remove = |sha: Value, status| {
        let body = json!({ "message": "m", "branch": "work", "sha": sha });
        with(Method::DELETE, path, CONTENTS, body, status)
    };
    let made = contract.send(create(write("eA==", Value::Null), 201)).await;
    let sha = made["content"]["sha"].clone();
    contract.send(create(write("eQ==", Value::Null), 422)).await;
    contract.send(create(write("?", Value::Null), 422)).await;
    contract.send(update(write("eQ==", json!("0".repeat(40))), 422)).await;
    contract
        .send(create(json!({ "content": "eA==", "branch": "none" }), 404))
        .await;
    contract
        .send(create(json!({ "content": "eA==", "branch": "main" }), 403))
        .await;
    contract
        .send(post(
            "/repos/quirks/archived/contents/x",
            CONTENTS,
            json!({ "content": "eA==" }),
            423,
        ))
        .await;
    let changed = contract.send(update(write("eQ==", sha.clone()), 200)).await;
    let next = changed["content"]["sha"].clone();
    let blob = format!("/repos/acme/api/git/blobs/{}", next.as_str().unwrap());
    contract
        .send(case(blob, "/repos/{owner}/{repo}/git/blobs/{sha}", 200))
        .await;
    contract.send(remove(sha.clone(), 422)).await;
    contract.send(remove(Value::Null, 422)).await;
    contract.send(remove(next.clone(), 200)).await;
    contract.send(remove(next, 404)).await;
    contract.send(update(write("eQ==", sha), 404)).await;
    // Without an id it is made.
    contract.send(update(write("eA==", Value::Null), 201)).await;
}
