//! What surrounds the history of a repository, for the check of Gitea's answers against its description.

use reqwest::Method;
use serde_json::json;

use crate::contract::{Contract, case, delete, post, with};
use crate::contract_gitea::TAG;

const PULLS: &str = "/repos/{owner}/{repo}/pulls";
const PULL: &str = "/repos/{owner}/{repo}/pulls/{index}";
const MERGE: &str = "/repos/{owner}/{repo}/pulls/{index}/merge";
const REVIEWS: &str = "/repos/{owner}/{repo}/pulls/{index}/reviews";
const REVIEW: &str = "/repos/{owner}/{repo}/pulls/{index}/reviews/{id}";
const ISSUES: &str = "/repos/{owner}/{repo}/issues";
const ISSUE: &str = "/repos/{owner}/{repo}/issues/{index}";
const COMMENTS: &str = "/repos/{owner}/{repo}/issues/{index}/comments";
const LABELS: &str = "/repos/{owner}/{repo}/labels";
const HOOKS: &str = "/repos/{owner}/{repo}/hooks";
const HOOK: &str = "/repos/{owner}/{repo}/hooks/{id}";
const RELEASES: &str = "/repos/{owner}/{repo}/releases";
const RELEASE: &str = "/repos/{owner}/{repo}/releases/{id}";
const OF_TAG: &str = "/repos/{owner}/{repo}/releases/tags/{tag}";
const STATUSES: &str = "/repos/{owner}/{repo}/statuses/{sha}";
const COMBINED: &str = "/repos/{owner}/{repo}/commits/{ref}/status";

pub(crate) async fn pulls(contract: &mut Contract<'_>) {
    let open = |head: &str| json!({ "title": "WIP: Work", "head": head, "base": "main", "body": "text" });
    let work = contract
        .send(post("/repos/acme/api/pulls", PULLS, open("work"), 201))
        .await;
    let path = format!("/repos/acme/api/pulls/{}", work["number"]);
    let patch = |body, status| with(Method::PATCH, path.clone(), PULL, body, status);
    let merge = |body, status| post(format!("{path}/merge"), MERGE, body, status);
    let review = |event: &str, body: &str, status| {
        let remark = json!([{ "path": "docs/new file.md", "new_position": 1, "body": "?" }]);
        let body = json!({ "event": event, "body": body, "comments": remark });
        post(format!("{path}/reviews"), REVIEWS, body, status)
    };
    let begun = contract.send(review("APPROVE", "unknown", 200)).await;
    let begun = format!("{path}/reviews/{}", begun["id"]);
    for case in [
        post("/repos/acme/api/pulls", PULLS, open("work"), 409),
        post("/repos/acme/api/pulls", PULLS, open("none"), 404),
        post("/repos/acme/api/pulls", PULLS, open("main"), 422),
        post(
            "/repos/acme/api/pulls",
            PULLS,
            json!({ "head": "develop", "base": "main" }),
            422,
        ),
        post("/repos/quirks/archived/pulls", PULLS, open("main"), 423),
        case("/repos/acme/api/pulls?state=all&base_branch=main", PULLS, 200),
        case(path.clone(), PULL, 200),
        case("/repos/acme/api/pulls/1", PULL, 404),
        case("/repos/acme/api/pulls/5", PULL, 200),
        merge(json!({ "Do": "merge" }), 405),
        patch(
            json!({ "title": "Better", "body": "", "labels": [], "assignees": ["sandbox-user"] }),
            201,
        ),
        patch(json!({ "body": "x", "content_version": 0 }), 409),
        patch(json!({ "assignee": "stranger" }), 422),
        patch(json!({ "state": "closed" }), 201),
        merge(json!({ "Do": "merge" }), 404),
        patch(json!({ "state": "open", "title": "" }), 201),
        patch(json!({ "state": "none" }), 412),
        patch(json!({ "base": "none" }), 404),
        case(
            format!("{path}/files"),
            "/repos/{owner}/{repo}/pulls/{index}/files",
            200,
        ),
        case(
            format!("{path}/commits"),
            "/repos/{owner}/{repo}/pulls/{index}/commits",
            200,
        ),
        review("COMMENT", "", 200),
        review("APPROVED", "", 422),
        review("REQUEST_CHANGES", "no", 422),
        post(
            "/repos/acme/api/pulls/3/reviews",
            REVIEWS,
            json!({ "event": "APPROVED" }),
            200,
        ),
        case(format!("{path}/reviews"), REVIEWS, 200),
        case(begun.clone(), REVIEW, 200),
        case(
            format!("{begun}/comments"),
            "/repos/{owner}/{repo}/pulls/{index}/reviews/{id}/comments",
            200,
        ),
        post(
            begun.clone(),
            REVIEW,
            json!({ "event": "COMMENT", "body": "done" }),
            200,
        ),
        post(
            begun.clone(),
            REVIEW,
            json!({ "event": "COMMENT", "body": "done" }),
            422,
        ),
        delete(begun.clone(), REVIEW, 204),
        case(begun, REVIEW, 404),
        merge(json!({}), 422),
        merge(json!({ "do": "fast-forward-only" }), 405),
        merge(json!({ "Do": "squash", "head_commit_id": "0".repeat(40) }), 409),
        case(format!("{path}/merge"), MERGE, 404),
        merge(json!({ "do": "squash", "merge_title_field": "All" }), 200),
        merge(json!({ "Do": "squash" }), 405),
        case(format!("{path}/merge"), MERGE, 204),
        patch(json!({ "state": "open" }), 412),
        case(path.clone(), PULL, 200),
    ] {
        contract.send(case).await;
    }
}

pub(crate) async fn issues(contract: &mut Contract<'_>) {
    let issues = "/repos/acme/api/issues";
    for case in [
        case("/repos/acme/api/issues?state=all", ISSUES, 200),
        case("/repos/acme/none/issues", ISSUES, 404),
        post(issues, ISSUES, json!({ "title": "New" }), 201),
        post(issues, ISSUES, json!({ "body": "no title" }), 422),
        post(issues, ISSUES, json!({ "title": "x", "labels": ["bug"] }), 422),
        post("/repos/quirks/archived/issues", ISSUES, json!({ "title": "x" }), 423),
        case("/repos/acme/api/issues/1", ISSUE, 200),
        case("/repos/acme/api/issues/3", ISSUE, 200),
        case("/repos/acme/api/issues/999", ISSUE, 404),
        post(
            "/repos/acme/api/issues/1/comments",
            COMMENTS,
            json!({ "body": "Well" }),
            201,
        ),
        post("/repos/acme/api/issues/1/comments", COMMENTS, json!({}), 422),
        post(
            "/repos/acme/api/issues/999/comments",
            COMMENTS,
            json!({ "body": "?" }),
            404,
        ),
        case("/repos/acme/api/issues/1/comments", COMMENTS, 200),
        case("/repos/acme/web/labels?page=3&limit=50", LABELS, 200),
    ] {
        contract.send(case).await;
    }
}

pub(crate) async fn beside(contract: &mut Contract<'_>, commit: &str) {
    let hook =
        json!({ "type": "gitea", "config": { "url": "https://h.invalid/", "content_type": "json", "secret": "s" } });
    let made = contract.send(post("/repos/acme/api/hooks", HOOKS, hook, 201)).await;
    let made = format!("/repos/acme/api/hooks/{}", made["id"]);
    let status = |word: &str| json!({ "state": word, "context": "ci", "target_url": "https://ci.invalid/1" });
    let of = |commit: &str, word: &str, code| {
        post(
            format!("/repos/acme/api/statuses/{commit}"),
            STATUSES,
            status(word),
            code,
        )
    };
    let release = json!({ "tag_name": "v2", "name": "Two", "body": "text" });
    let draft = json!({ "tag_name": "v3", "draft": true });
    let nowhere = json!({ "tag_name": "v4", "target_commitish": "none" });
    let second = contract
        .send(post("/repos/acme/api/releases", RELEASES, release.clone(), 201))
        .await;
    let second = format!("/repos/acme/api/releases/{}", second["id"]);
    for case in [
        post(
            "/repos/acme/api/hooks",
            HOOKS,
            json!({ "type": "gitea", "config": {} }),
            422,
        ),
        case("/repos/acme/api/hooks", HOOKS, 200),
        case(made.clone(), HOOK, 200),
        delete(made.clone(), HOOK, 204),
        delete(made, HOOK, 404),
        case("/repos/acme/api/commits/main/status", COMBINED, 200),
        of(commit, "pending", 201),
        of(commit, "warning", 201),
        of(&"0".repeat(40), "success", 500),
        case(format!("/repos/acme/api/commits/{commit}/status"), COMBINED, 200),
        case("/repos/acme/api/commits/release/1.4/status", COMBINED, 200),
        case("/repos/acme/api/commits/none/status", COMBINED, 404),
        case(
            "/repos/acme/api/commits/main/statuses",
            "/repos/{owner}/{repo}/commits/{ref}/statuses",
            200,
        ),
        case(format!("/repos/acme/api/statuses/{commit}"), STATUSES, 200),
        case(
            format!("/repos/acme/api/commits/{commit}/pull"),
            "/repos/{owner}/{repo}/commits/{sha}/pull",
            200,
        ),
        post("/repos/acme/api/releases", RELEASES, release, 409),
        post("/repos/acme/api/releases", RELEASES, draft, 201),
        post("/repos/acme/api/releases", RELEASES, nowhere, 404),
        post(
            "/repos/quirks/empty/releases",
            RELEASES,
            json!({ "tag_name": "v1" }),
            422,
        ),
        delete("/repos/acme/api/tags/v2", TAG, 409),
        case("/repos/acme/api/releases?pre-release=false", RELEASES, 200),
        case(
            "/repos/acme/api/releases/latest",
            "/repos/{owner}/{repo}/releases/latest",
            200,
        ),
        case("/repos/acme/api/releases/tags/v2", OF_TAG, 200),
        case("/repos/acme/api/releases/tags/v3", OF_TAG, 404),
        case("/repos/acme/api/releases/tags/v1", OF_TAG, 404),
        case(second.clone(), RELEASE, 200),
        delete(second, RELEASE, 204),
        delete("/repos/acme/api/releases/tags/v2", OF_TAG, 404),
    ] {
        contract.send(case).await;
    }
}
