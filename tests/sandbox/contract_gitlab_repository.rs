//! What is in a project's repository and beside it, against what is recorded of GitLab.
//!
//! Invariant: a case finds what the one before it left.

use reqwest::Method;
use serde_json::json;

use crate::contract::{case, delete, post, with};
use crate::contract_gitlab::{Contract, api, put};

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
const HOOKS: &str = "/projects/{id}/hooks";
const STATUSES: &str = "/projects/{id}/statuses/{sha}";
const PROTECTED: &str = "/projects/{id}/protected_branches";

pub(crate) async fn repository(contract: &mut Contract) {
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

pub(crate) async fn files(contract: &mut Contract) {
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

pub(crate) async fn beside(contract: &mut Contract) {
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
