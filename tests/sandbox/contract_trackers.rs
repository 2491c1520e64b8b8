//! What forges answer as trackers, for the checks of their answers against their descriptions.
//!
//! Invariant: what is written is read back in the same walk.

use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::{Contract, case, delete, post, with};
use crate::contract_gitlab::{self, api, put};

const ISSUES: &str = "/repos/{owner}/{repo}/issues";
const LABELS: &str = "/repos/{owner}/{repo}/labels";
const MILESTONES: &str = "/repos/{owner}/{repo}/milestones";

pub(crate) async fn github(contract: &mut Contract<'_>) {
    const ISSUE: &str = "/repos/{owner}/{repo}/issues/{issue_number}";
    const ASSIGNEES: &str = "/repos/{owner}/{repo}/issues/{issue_number}/assignees";
    const LOCK: &str = "/repos/{owner}/{repo}/issues/{issue_number}/lock";
    const OF_ISSUE: &str = "/repos/{owner}/{repo}/issues/{issue_number}/labels";
    const COMMENT: &str = "/repos/{owner}/{repo}/issues/comments/{comment_id}";
    const SEARCH: &str = "/search/issues";
    let label = json!({ "name": "urgent", "color": "aa0011", "description": "At once" });
    let milestone = json!({ "title": "2.0", "due_on": "2026-03-01T12:00:00Z" });
    let new = json!({ "title": "Planned", "labels": ["urgent", "unheard of"], "milestone": 1 });
    for case in [
        post("/repos/acme/api/labels", LABELS, label.clone(), 201),
        post("/repos/acme/api/labels", LABELS, label, 422),
        post(
            "/repos/acme/api/labels",
            LABELS,
            json!({ "name": "x", "color": "#aa0011" }),
            422,
        ),
        case("/repos/acme/api/labels", LABELS, 200),
        case("/repos/acme/none/labels", LABELS, 404),
        post("/repos/acme/api/milestones", MILESTONES, milestone.clone(), 201),
        post("/repos/acme/api/milestones", MILESTONES, milestone, 422),
        case("/repos/acme/api/milestones?state=all", MILESTONES, 200),
        case("/repos/acme/api/issues?milestone=99", ISSUES, 422),
    ] {
        contract.send(case).await;
    }
    let made = contract.send(post("/repos/acme/api/issues", ISSUES, new, 201)).await;
    let path = format!("/repos/acme/api/issues/{}", made["number"]);
    let patch = |body: Value, status| with(Method::PATCH, path.clone(), ISSUE, body, status);
    let people = |method: Method, names: &[&str], status| {
        with(
            method,
            format!("{path}/assignees"),
            ASSIGNEES,
            json!({ "assignees": names }),
            status,
        )
    };
    let said = contract
        .send(post(
            format!("{path}/comments"),
            "/repos/{owner}/{repo}/issues/{issue_number}/comments",
            json!({ "body": "Well" }),
            201,
        ))
        .await;
    let said = format!("/repos/acme/api/issues/comments/{}", said["id"]);
    for case in [
        // What was just made is not found for this.
        people(Method::POST, &["sandbox-user"], 404),
        people(Method::POST, &["sandbox-user", "sandbox-guest", "nobody"], 201),
        people(Method::DELETE, &["sandbox-guest"], 200),
        patch(json!({ "title": "Better", "milestone": null }), 200),
        patch(json!({ "state": "closed", "state_reason": "not_planned" }), 200),
        patch(json!({ "state": "open" }), 200),
        patch(json!({ "milestone": 99 }), 422),
        patch(json!({ "assignees": ["nobody"] }), 422),
        with(Method::PUT, format!("{path}/lock"), LOCK, json!({}), 204),
        case(path.clone(), ISSUE, 200),
        delete(format!("{path}/lock"), LOCK, 204),
        with(
            Method::PUT,
            format!("{path}/labels"),
            OF_ISSUE,
            json!({ "labels": ["bug"] }),
            200,
        ),
        case(format!("{path}/labels"), OF_ISSUE, 200),
        delete(format!("{path}/labels"), OF_ISSUE, 204),
        case(said.clone(), COMMENT, 200),
        with(Method::PATCH, said.clone(), COMMENT, json!({ "body": "Better" }), 200),
        with(Method::PATCH, said.clone(), COMMENT, json!({}), 422),
        delete(said.clone(), COMMENT, 204),
        case(said, COMMENT, 404),
        case("/repos/quirks/renamed/issues/1", ISSUE, 301),
        case("/repos/quirks/renamed/issues/2", ISSUE, 410),
        case("/search/issues?q=%22better%22%20is:issue%20repo:acme/api", SEARCH, 200),
        case("/search/issues?q=%22better%22%20repo:acme/none", SEARCH, 422),
    ] {
        contract.send(case).await;
    }
}

pub(crate) async fn github_boards(contract: &mut Contract<'_>) {
    const BOARDS: &str = "/orgs/{org}/projectsV2";
    const ITEMS: &str = "/orgs/{org}/projectsV2/{project_number}/items";
    const ITEM: &str = "/orgs/{org}/projectsV2/{project_number}/items/{item_id}";
    let issue = json!({ "type": "Issue", "owner": "acme", "repo": "api", "number": 6 });
    let done = json!({ "fields": [{ "id": 102, "value": "98236657" }, { "id": 105, "value": null }] });
    let wrong = json!({ "fields": [{ "id": 102, "value": "none" }] });
    for case in [
        case("/orgs/acme/projectsV2?per_page=1", BOARDS, 200),
        case("/users/sandbox-user/projectsV2", "/users/{username}/projectsV2", 200),
        case(
            "/orgs/acme/projectsV2/1/fields",
            "/orgs/{org}/projectsV2/{project_number}/fields",
            200,
        ),
        case("/orgs/acme/projectsV2/1/items?fields=101,102,103", ITEMS, 200),
        case("/orgs/acme/projectsV2/1/items?per_page=1&after=c1", ITEMS, 200),
        post("/orgs/acme/projectsV2/1/items", ITEMS, issue, 201),
        post(
            "/orgs/acme/projectsV2/1/drafts",
            "/orgs/{org}/projectsV2/{project_number}/drafts",
            json!({ "title": "Think" }),
            201,
        ),
        with(Method::PATCH, "/orgs/acme/projectsV2/1/items/1", ITEM, done, 200),
        with(Method::PATCH, "/orgs/acme/projectsV2/1/items/1", ITEM, wrong, 422),
        with(
            Method::PATCH,
            "/orgs/acme/projectsV2/1/items/99",
            ITEM,
            json!({ "fields": [] }),
            404,
        ),
        case("/users/sandbox-guest", "/users/{username}", 200),
    ] {
        contract.send(case).await;
    }
}

pub(crate) async fn gitea(contract: &mut Contract<'_>) {
    const ISSUE: &str = "/repos/{owner}/{repo}/issues/{index}";
    const LOCK: &str = "/repos/{owner}/{repo}/issues/{index}/lock";
    const OF_ISSUE: &str = "/repos/{owner}/{repo}/issues/{index}/labels";
    const COMMENT: &str = "/repos/{owner}/{repo}/issues/comments/{id}";
    let label = json!({ "name": "urgent", "color": "#aa0011", "description": "At once" });
    let milestone = json!({ "title": "2.0", "due_on": "2026-03-01T12:00:00Z" });
    let label = contract.send(post("/repos/acme/api/labels", LABELS, label, 201)).await;
    let milestone = contract
        .send(post("/repos/acme/api/milestones", MILESTONES, milestone, 201))
        .await;
    let of = format!("/repos/acme/api/milestones/{}", milestone["id"]);
    let new = json!({ "title": "Planned", "labels": [label["id"]], "milestone": milestone["id"],
        "due_date": "2026-03-01T12:00:00Z" });
    let made = contract.send(post("/repos/acme/api/issues", ISSUES, new, 201)).await;
    let path = format!("/repos/acme/api/issues/{}", made["number"]);
    let patch = |body: Value, status| with(Method::PATCH, path.clone(), ISSUE, body, status);
    let comments = "/repos/{owner}/{repo}/issues/{index}/comments";
    let said = contract
        .send(post(
            format!("{path}/comments"),
            comments,
            json!({ "body": "Well" }),
            201,
        ))
        .await;
    let said = format!("/repos/acme/api/issues/comments/{}", said["id"]);
    for case in [
        post("/repos/acme/api/labels", LABELS, json!({ "name": "x" }), 422),
        case("/repos/acme/api/milestones?state=all&name=2", MILESTONES, 200),
        case(of, "/repos/{owner}/{repo}/milestones/{id}", 200),
        case("/repos/acme/api/assignees", "/repos/{owner}/{repo}/assignees", 200),
        patch(
            json!({ "title": "Better", "milestone": 0, "assignees": ["sandbox-user"] }),
            201,
        ),
        patch(json!({ "unset_due_date": true, "state": "closed" }), 201),
        patch(json!({ "state": "none" }), 412),
        with(Method::PUT, format!("{path}/lock"), LOCK, json!({}), 204),
        delete(format!("{path}/lock"), LOCK, 204),
        with(
            Method::PUT,
            format!("{path}/labels"),
            OF_ISSUE,
            json!({ "labels": [label["id"]] }),
            200,
        ),
        delete(format!("{path}/labels"), OF_ISSUE, 204),
        case(said.clone(), COMMENT, 200),
        with(Method::PATCH, said.clone(), COMMENT, json!({ "body": "Better" }), 200),
        delete(said.clone(), COMMENT, 204),
        case(said, COMMENT, 404),
        delete(path.clone(), ISSUE, 204),
        case(path.clone(), ISSUE, 404),
        case("/repos/acme/api/issues?milestones=2.0&assigned_by=nobody", ISSUES, 404),
    ] {
        contract.send(case).await;
    }
}

pub(crate) async fn gitlab(contract: &mut contract_gitlab::Contract) {
    const ISSUES: &str = "/projects/{id}/issues";
    const ISSUE: &str = "/projects/{id}/issues/{iid}";
    const NOTES: &str = "/projects/{id}/issues/{iid}/notes";
    const NOTE: &str = "/projects/{id}/issues/{iid}/notes/{note_id}";
    const LABELS: &str = "/projects/{id}/labels";
    const MILESTONES: &str = "/projects/{id}/milestones";
    let label = json!({ "name": "urgent", "color": "#aa0011" });
    let milestone = json!({ "title": "2.0", "due_date": "2026-03-01" });
    let milestone = contract
        .send(post(api("/milestones"), MILESTONES, milestone.clone(), 201), None)
        .await;
    let new = json!({ "title": "Planned", "labels": "urgent,bug", "milestone_id": milestone["id"],
        "assignee_ids": [1], "description": "Why\n/title Better" });
    let made = contract.send(post(api("/issues"), ISSUES, new, 201), None).await;
    let path = api(&format!("/issues/{}", made["iid"]));
    let said = json!({ "body": "Well" });
    let said = contract
        .send(post(format!("{path}/notes"), NOTES, said, 201), None)
        .await;
    let note = format!("{path}/notes/{}", said["id"]);
    contract
        .all([
            post(api("/labels"), LABELS, label.clone(), 409),
            post(
                api("/labels"),
                LABELS,
                json!({ "name": "other", "color": "#aa0011" }),
                201,
            ),
            post(api("/labels"), LABELS, json!({ "name": "x", "color": "red" }), 400),
            case(api("/labels"), LABELS, 200),
            post(api("/milestones"), MILESTONES, json!({ "title": "2.0" }), 400),
            case(api("/milestones?state=active"), MILESTONES, 200),
            case(
                api(&format!("/milestones/{}", milestone["id"])),
                "/projects/{id}/milestones/{milestone}",
                200,
            ),
            case(
                api("/issues?scope=all&state=opened&labels=bug&milestone=2.0"),
                ISSUES,
                200,
            ),
            case("/issues?scope=all&search=better", "/issues", 200),
            case(path.clone(), ISSUE, 200),
            case(api("/issues/3"), ISSUE, 404),
            put(
                path.clone(),
                ISSUE,
                json!({ "assignee_ids": [0], "milestone_id": 0, "labels": "" }),
                200,
            ),
            put(path.clone(), ISSUE, json!({ "state_event": "close" }), 200),
            put(path.clone(), ISSUE, json!({ "discussion_locked": true }), 200),
            put(path.clone(), ISSUE, json!({}), 400),
            put(path.clone(), ISSUE, json!({ "title": "" }), 400),
            case(format!("{path}/notes?sort=asc"), NOTES, 200),
            post(format!("{path}/notes"), NOTES, json!({ "body": "/reopen" }), 202),
            post(format!("{path}/notes"), NOTES, json!({}), 400),
            case(note.clone(), NOTE, 200),
            put(note.clone(), NOTE, json!({ "body": "Better" }), 200),
            delete(note.clone(), NOTE, 204),
            case(note, NOTE, 404),
            case(api("/boards"), "/projects/{id}/boards", 200),
            case(api("/boards/7"), "/projects/{id}/boards/{board}", 200),
            case(api("/boards/8"), "/projects/{id}/boards/{board}", 404),
            delete(path.clone(), ISSUE, 204),
            case(path, ISSUE, 404),
        ])
        .await;
}
