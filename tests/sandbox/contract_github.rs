//! Every answer of GitHub against its own description.
//!
//! Invariant: no operation of git and of projects that GitHub has in the catalogue is left out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::{Case, Contract, Spec, case, delete, post, with};
use crate::{contract_trackers, specs};

const REPO: &str = "/repos/{owner}/{repo}";
const CONTENTS: &str = "/repos/{owner}/{repo}/contents/{path}";
const ISSUES: &str = "/repos/{owner}/{repo}/issues";
const ISSUE: &str = "/repos/{owner}/{repo}/issues/{issue_number}";
const REFS: &str = "/repos/{owner}/{repo}/git/refs";
const REF: &str = "/repos/{owner}/{repo}/git/refs/{ref}";
const COMMIT: &str = "/repos/{owner}/{repo}/commits/{ref}";
const COMMITS: &str = "/repos/{owner}/{repo}/commits";
const TREE: &str = "/repos/{owner}/{repo}/git/trees/{tree_sha}";
const COMPARE: &str = "/repos/{owner}/{repo}/compare/{basehead}";
const PULLS: &str = "/repos/{owner}/{repo}/pulls";
const PULL: &str = "/repos/{owner}/{repo}/pulls/{pull_number}";
const MERGE: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/merge";
const REVIEWS: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/reviews";
const COMMENTS: &str = "/repos/{owner}/{repo}/issues/{issue_number}/comments";
const HOOKS: &str = "/repos/{owner}/{repo}/hooks";
const RELEASES: &str = "/repos/{owner}/{repo}/releases";
const STATUSES: &str = "/repos/{owner}/{repo}/statuses/{sha}";

fn description() -> Option<(Spec, Value)> {
    let spec = Spec::load("github-api.github.com.openapi.json")?;
    Some((spec, json!({ "$ref": "#/components/schemas/basic-error" })))
}

#[tokio::test]
async fn every_github_answer_meets_its_description() {
    let Some((spec, errors)) = description() else {
        return;
    };
    let mut contract = Contract::start("github-a", &spec, &errors).await;
    around(&mut contract).await;
    repositories(&mut contract).await;
    let commit = refs_and_commits(&mut contract).await;
    files(&mut contract).await;
    pulls(&mut contract).await;
    beside(&mut contract, &commit).await;
    contract_trackers::github(&mut contract).await;
    contract_trackers::github_boards(&mut contract).await;
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
    let folder = specs::folder().expect("the description was there");
    let table = std::fs::read_to_string(folder.join("operation-catalogue.tsv")).unwrap();
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| {
        (row[0].starts_with("git.") || row[0].starts_with("projects.")) && row[1] == "GH" && row[2] != "UNSUPPORTED"
    });
    let missing: Vec<_> = rows
        .filter(|row| !contract.checked.iter().any(|checked| checked == row[2]))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

async fn around(contract: &mut Contract<'_>) {
    for case in [
        case("/user", "/user", 200),
        case("/rate_limit", "/rate_limit", 200),
        case("/meta", "/meta", 200),
        case("/versions", "/versions", 200),
        case("/user/repos", "/user/repos", 200),
        case("/orgs/many/repos?per_page=100", "/orgs/{org}/repos", 200),
        case("/orgs/none/repos", "/orgs/{org}/repos", 404),
        case("/repos/acme/api/issues?state=all", ISSUES, 200),
        case("/repos/acme/api/issues?state=none", ISSUES, 422),
        post(
            "/repos/acme/api/issues",
            ISSUES,
            json!({ "title": "New", "labels": ["bug"] }),
            201,
        ),
        post("/repos/acme/api/issues", ISSUES, json!({ "body": "no title" }), 422),
        post("/repos/acme/api/issues", ISSUES, json!([]), 400),
        case("/repos/acme/api/issues/1", ISSUE, 200),
        case("/repos/acme/api/issues/3", ISSUE, 200),
        case("/repos/acme/api/issues/999", ISSUE, 404),
    ] {
        contract.send(case).await;
    }
}

async fn repositories(contract: &mut Contract<'_>) {
    let forks = "/repos/{owner}/{repo}/forks";
    for case in [
        case("/repos/acme/api", REPO, 200),
        case("/repos/acme/none", REPO, 404),
        case("/repos/quirks/former", REPO, 301),
        delete("/repos/quirks/former", REPO, 307),
        post(
            "/user/repos",
            "/user/repos",
            json!({ "name": "mine", "auto_init": true }),
            201,
        ),
        post("/user/repos", "/user/repos", json!({ "name": "mine" }), 422),
        post("/user/repos", "/user/repos", json!({}), 422),
        post(
            "/orgs/acme/repos",
            "/orgs/{org}/repos",
            json!({ "name": "new", "private": true }),
            201,
        ),
        post("/orgs/none/repos", "/orgs/{org}/repos", json!({ "name": "new" }), 404),
        with(
            Method::PATCH,
            "/repos/acme/new",
            REPO,
            json!({ "name": "newer", "description": "x" }),
            200,
        ),
        with(Method::PATCH, "/repos/acme/newer", REPO, json!({ "name": "api" }), 422),
        delete("/repos/acme/newer", REPO, 204),
        delete("/repos/acme/newer", REPO, 404),
        delete("/repos/sandbox-guest/api", REPO, 403),
        post("/repos/acme/api/forks", forks, json!({}), 202),
        post("/repos/acme/none/forks", forks, json!({}), 404),
        case("/repos/sandbox-user/api", REPO, 200),
    ] {
        contract.send(case).await;
    }
}

/// Answers the last commit of a branch `work` of `acme/api`, where the later ones go on.
async fn refs_and_commits(contract: &mut Contract<'_>) -> String {
    let branch = "/repos/{owner}/{repo}/branches/{branch}";
    let main = contract.send(case("/repos/acme/api/branches/main", branch, 200)).await;
    let commit = main["commit"]["sha"].as_str().unwrap().to_owned();
    let new = |name: &str| json!({ "ref": name, "sha": commit });
    let tags = "/repos/{owner}/{repo}/git/tags";
    let tag = json!({ "tag": "v1", "message": "First", "object": commit, "type": "commit" });
    let tag = contract.send(post("/repos/acme/api/git/tags", tags, tag, 201)).await;
    let tag = tag["sha"].as_str().unwrap();
    for case in [
        case("/repos/acme/api/branches", "/repos/{owner}/{repo}/branches", 200),
        case("/repos/quirks/empty/branches", "/repos/{owner}/{repo}/branches", 200),
        case("/repos/acme/api/branches/none", branch, 404),
        post("/repos/acme/api/git/refs", REFS, new("refs/heads/work"), 201),
        post("/repos/acme/api/git/refs", REFS, new("refs/heads/work"), 422),
        post("/repos/acme/api/git/refs", REFS, new("work"), 422),
        post("/repos/quirks/empty/git/refs", REFS, new("refs/heads/work"), 409),
        post("/repos/acme/api/git/refs", REFS, new("refs/heads/gone"), 201),
        delete("/repos/acme/api/git/refs/heads/gone", REF, 204),
        delete("/repos/acme/api/git/refs/heads/gone", REF, 422),
        post(
            "/repos/acme/api/git/refs",
            REFS,
            json!({ "ref": "refs/tags/v1", "sha": tag }),
            201,
        ),
        post("/repos/acme/api/git/refs", REFS, new("refs/tags/v0/x"), 201),
        case(
            format!("/repos/acme/api/git/tags/{tag}"),
            "/repos/{owner}/{repo}/git/tags/{tag_sha}",
            200,
        ),
        case(
            "/repos/acme/api/git/ref/tags/v1",
            "/repos/{owner}/{repo}/git/ref/{ref}",
            200,
        ),
        case(
            "/repos/acme/api/git/ref/heads/main",
            "/repos/{owner}/{repo}/git/ref/{ref}",
            200,
        ),
        case(
            "/repos/acme/api/git/ref/heads/none",
            "/repos/{owner}/{repo}/git/ref/{ref}",
            404,
        ),
        case("/repos/acme/api/tags", "/repos/{owner}/{repo}/tags", 200),
        case("/repos/acme/api/commits", COMMITS, 200),
        case("/repos/acme/api/commits?sha=none", COMMITS, 404),
        case("/repos/quirks/empty/commits", COMMITS, 409),
        case(format!("/repos/acme/api/commits/{commit}"), COMMIT, 200),
        case("/repos/acme/api/commits/release%2F1.4", COMMIT, 200),
        case("/repos/acme/api/commits/none", COMMIT, 422),
        case("/repos/acme/api/compare/main...develop", COMPARE, 200),
        case("/repos/acme/api/compare/main...none", COMPARE, 404),
        case("/repos/acme/api/git/trees/main", TREE, 200),
        case("/repos/acme/api/git/trees/main?recursive=1", TREE, 200),
        case("/repos/acme/api/git/trees/none", TREE, 404),
        case("/repos/quirks/empty/git/trees/main", TREE, 409),
    ] {
        contract.send(case).await;
    }
    commit
}

async fn files(contract: &mut Contract<'_>) {
    for case in [
        case("/repos/acme/api/contents/README.md", CONTENTS, 200),
        case("/repos/acme/api/contents/data/large.txt", CONTENTS, 200),
        case("/repos/acme/api/contents/", CONTENTS, 200),
        case("/repos/acme/api/contents/src", CONTENTS, 200),
        Case {
            accept: "application/vnd.github.object+json",
            ..case("/repos/acme/api/contents/src", CONTENTS, 200)
        },
        case("/repos/acme/api/contents/none", CONTENTS, 404),
        case("/repos/quirks/empty/contents/", CONTENTS, 404),
    ] {
        contract.send(case).await;
    }
    let path = "/repos/acme/api/contents/docs/new%20file.md";
    let blob = "/repos/{owner}/{repo}/git/blobs/{file_sha}";
    let write = |text: &str, sha: Value| json!({ "message": "m", "content": text, "branch": "work", "sha": sha });
    let put = |body, status| with(Method::PUT, path, CONTENTS, body, status);
    let made = contract.send(put(write("eA==", Value::Null), 201)).await;
    let sha = made["content"]["sha"].clone();
    contract.send(put(write("eQ==", Value::Null), 422)).await;
    contract.send(put(write("eQ==", json!("0".repeat(40))), 409)).await;
    contract
        .send(put(json!({ "message": "m", "content": "eA==", "branch": "none" }), 404))
        .await;
    let changed = contract.send(put(write("eQ==", sha.clone()), 200)).await;
    let next = changed["content"]["sha"].clone();
    contract
        .send(case(
            format!("/repos/acme/api/git/blobs/{}", next.as_str().unwrap()),
            blob,
            200,
        ))
        .await;
    let remove = |sha: Value| json!({ "message": "m", "branch": "work", "sha": sha });
    contract
        .send(with(Method::DELETE, path, CONTENTS, remove(sha), 409))
        .await;
    contract
        .send(with(Method::DELETE, path, CONTENTS, remove(Value::Null), 422))
        .await;
    contract
        .send(with(Method::DELETE, path, CONTENTS, remove(next.clone()), 200))
        .await;
    contract
        .send(with(Method::DELETE, path, CONTENTS, remove(next), 404))
        .await;
    contract.send(put(write("eA==", Value::Null), 201)).await;
}

async fn pulls(contract: &mut Contract<'_>) {
    let open = |head: &str| json!({ "title": "Work", "head": head, "base": "main", "body": "text" });
    let work = contract
        .send(post("/repos/acme/api/pulls", PULLS, open("work"), 201))
        .await;
    let path = format!("/repos/acme/api/pulls/{}", work["number"]);
    let issue = format!("/repos/acme/api/issues/{}", work["number"]);
    let remark = json!({ "event": "COMMENT", "comments": [{ "path": "docs/new file.md", "line": 1, "body": "?" }] });
    let patch = |body, status| with(Method::PATCH, path.clone(), PULL, body, status);
    let merge = |body, status| with(Method::PUT, format!("{path}/merge"), MERGE, body, status);
    for case in [
        post("/repos/acme/api/pulls", PULLS, open("work"), 422),
        post("/repos/acme/api/pulls", PULLS, open("none"), 422),
        post("/repos/acme/api/pulls", PULLS, open("main"), 422),
        case("/repos/acme/api/pulls?state=all", PULLS, 200),
        case("/repos/acme/api/pulls?state=none", PULLS, 422),
        case(path.clone(), PULL, 200),
        case(path.clone(), PULL, 200),
        case("/repos/acme/api/pulls/1", PULL, 404),
        case("/repos/acme/api/pulls/3", PULL, 200),
        case("/repos/acme/api/pulls/5", PULL, 200),
        patch(json!({ "title": "Better", "body": null }), 200),
        patch(json!({ "state": "closed" }), 200),
        merge(json!({}), 405),
        patch(json!({ "state": "open" }), 200),
        patch(json!({ "state": "none" }), 422),
        patch(json!({ "base": "none" }), 422),
        case(
            format!("{path}/files"),
            "/repos/{owner}/{repo}/pulls/{pull_number}/files",
            200,
        ),
        case(
            format!("{path}/commits"),
            "/repos/{owner}/{repo}/pulls/{pull_number}/commits",
            200,
        ),
        post(format!("{path}/reviews"), REVIEWS, remark, 200),
        post(format!("{path}/reviews"), REVIEWS, json!({}), 200),
        post(format!("{path}/reviews"), REVIEWS, json!({ "event": "APPROVE" }), 422),
        post(format!("{path}/reviews"), REVIEWS, json!({ "event": "APPROVED" }), 422),
        post(
            "/repos/acme/api/pulls/3/reviews",
            REVIEWS,
            json!({ "event": "APPROVE" }),
            200,
        ),
        case(format!("{path}/reviews"), REVIEWS, 200),
        case(
            format!("{path}/comments"),
            "/repos/{owner}/{repo}/pulls/{pull_number}/comments",
            200,
        ),
        post(
            format!("{issue}/comments"),
            COMMENTS,
            json!({ "body": "Well done" }),
            201,
        ),
        post(format!("{issue}/comments"), COMMENTS, json!({}), 422),
        post(
            "/repos/acme/api/issues/999/comments",
            COMMENTS,
            json!({ "body": "?" }),
            404,
        ),
        case(format!("{issue}/comments"), COMMENTS, 200),
        merge(json!({ "sha": "0".repeat(40) }), 409),
        merge(json!({ "merge_method": "none" }), 422),
        merge(json!({ "merge_method": "squash" }), 200),
        merge(json!({}), 405),
        patch(json!({ "state": "open" }), 422),
        case(path.clone(), PULL, 200),
    ] {
        contract.send(case).await;
    }
}

async fn beside(contract: &mut Contract<'_>, commit: &str) {
    let hook = json!({ "config": { "url": "https://h.invalid/", "secret": "s" }, "events": ["push", "pull_request"] });
    let made = contract
        .send(post("/repos/acme/api/hooks", HOOKS, hook.clone(), 201))
        .await;
    let made = format!("/repos/acme/api/hooks/{}", made["id"]);
    let one = "/repos/{owner}/{repo}/hooks/{hook_id}";
    let status = |word: &str| json!({ "state": word, "context": "ci", "target_url": "https://ci.invalid/1" });
    let release = json!({ "tag_name": "v2", "name": "Two", "body": "text" });
    for case in [
        post("/repos/acme/api/hooks", HOOKS, hook, 422),
        post("/repos/acme/api/hooks", HOOKS, json!({ "config": {} }), 422),
        case("/repos/acme/api/hooks", HOOKS, 200),
        delete(made.clone(), one, 204),
        delete(made, one, 404),
        case(
            "/repos/acme/api/commits/main/status",
            "/repos/{owner}/{repo}/commits/{ref}/status",
            200,
        ),
        post(
            format!("/repos/acme/api/statuses/{commit}"),
            STATUSES,
            status("pending"),
            201,
        ),
        post(
            format!("/repos/acme/api/statuses/{commit}"),
            STATUSES,
            status("none"),
            422,
        ),
        post(
            format!("/repos/acme/api/statuses/{}", "0".repeat(40)),
            STATUSES,
            status("success"),
            422,
        ),
        case(
            format!("/repos/acme/api/commits/{commit}/status"),
            "/repos/{owner}/{repo}/commits/{ref}/status",
            200,
        ),
        case(
            format!("/repos/acme/api/commits/{commit}/statuses"),
            "/repos/{owner}/{repo}/commits/{ref}/statuses",
            200,
        ),
        post("/repos/acme/api/releases", RELEASES, release.clone(), 201),
        post("/repos/acme/api/releases", RELEASES, release, 422),
        post(
            "/repos/acme/api/releases",
            RELEASES,
            json!({ "tag_name": "v3", "draft": true }),
            201,
        ),
        post(
            "/repos/acme/api/releases",
            RELEASES,
            json!({ "tag_name": "v4", "target_commitish": "none" }),
            422,
        ),
        case("/repos/acme/api/releases", RELEASES, 200),
        case(
            "/repos/acme/api/releases/tags/v2",
            "/repos/{owner}/{repo}/releases/tags/{tag}",
            200,
        ),
        case(
            "/repos/acme/api/releases/tags/v3",
            "/repos/{owner}/{repo}/releases/tags/{tag}",
            404,
        ),
    ] {
        contract.send(case).await;
    }
}

#[test]
fn a_wrong_answer_does_not_pass() {
    let Some(spec) = Spec::load("github-api.github.com.openapi.json") else {
        return;
    };
    let schema = spec
        .answer("GET", "/repos/{owner}/{repo}/branches", 200, "application/json")
        .unwrap();
    let validator = spec.validator(schema);
    let branch = json!({ "name": "main", "commit": { "sha": "0", "url": "https://h.invalid/" }, "protected": true });
    assert!(validator.is_valid(&json!([branch])));
    for (field, wrong) in [
        ("name", json!(1)),
        ("protected", json!(null)),
        ("commit", json!({ "sha": "0" })),
    ] {
        let mut broken = branch.clone();
        broken[field] = wrong;
        assert!(!validator.is_valid(&json!([broken])), "{field}");
    }
}
