//! GitHub as a forge: what is written can be read, and each of its ways to refuse is its own.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{Rig, header, link};

pub(crate) const REPO: &str = "/repos/sandbox-user/work";

/// A repository of the user's own with one commit on `main`, and a branch `feature` at it.
pub(crate) async fn rig() -> Rig {
    let rig = Rig::start().await;
    let body = json!({ "name": "work", "auto_init": true });
    made(rig.post("github-a", "/user/repos", &body).await).await;
    branch(&rig, "feature").await;
    rig
}

pub(crate) async fn made(response: Response) -> Value {
    assert_eq!(response.status(), 201);
    response.json().await.unwrap()
}

async fn branch(rig: &Rig, name: &str) -> Value {
    let head = rig.get_json("github-a", &format!("{REPO}/git/ref/heads/main")).await;
    let body = json!({ "ref": format!("refs/heads/{name}"), "sha": head["object"]["sha"] });
    made(rig.post("github-a", &format!("{REPO}/git/refs"), &body).await).await
}

pub(crate) async fn send(rig: &Rig, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let response = rig.request("github-a", method, path).json(body).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&text).unwrap_or_default())
}

pub(crate) async fn put(rig: &Rig, branch: &str, file: &str, text: &str) -> (u16, Value) {
    let body = json!({ "message": format!("Write {file}"), "content": STANDARD.encode(text), "branch": branch });
    send(rig, Method::PUT, &format!("{REPO}/contents/{file}"), &body).await
}

#[tokio::test]
async fn h8_a_large_file_is_whole_only_in_its_raw_form() {
    let rig = rig().await;
    let text = "0123456789abcde\n".repeat(100_000);
    assert_eq!(put(&rig, "feature", "large.txt", &text).await.0, 201);
    let path = format!("{REPO}/contents/large.txt?ref=feature");
    let file = rig.get_json("github-a", &path).await;
    assert_eq!(
        (&file["encoding"], &file["content"], &file["size"]),
        (&json!("none"), &json!(""), &json!(text.len()))
    );
    let raw = rig
        .request("github-a", Method::GET, &path)
        .header("accept", "application/vnd.github.raw+json");
    assert_eq!(raw.send().await.unwrap().text().await.unwrap(), text);
}

#[tokio::test]
async fn h12_an_empty_repository_conflicts_until_its_first_file() {
    let rig = Rig::start().await;
    let path = |rest: &str| format!("/repos/quirks/empty{rest}");
    for rest in ["/commits", "/git/trees/main", "/git/ref/heads/main", "/commits/main"] {
        let (status, answer) = send(&rig, Method::GET, &path(rest), &json!({})).await;
        assert_eq!(
            (status, &answer["message"]),
            (409, &json!("Git Repository is empty.")),
            "{rest}"
        );
    }
    assert_eq!(rig.get_json("github-a", &path("/branches")).await, json!([]));
    let body = json!({ "message": "First", "content": "eA==" });
    assert_eq!(send(&rig, Method::PUT, &path("/contents/a"), &body).await.0, 201);
    let branches = rig.get_json("github-a", &path("/branches")).await;
    assert_eq!(
        (branches.as_array().unwrap().len(), &branches[0]["name"]),
        (1, &json!("main"))
    );
}

#[tokio::test]
async fn h13_a_former_name_leads_to_the_number_and_writes_are_repeated_as_they_are() {
    let rig = Rig::start().await;
    let origin = rig.server("github-a").origin().to_owned();
    let read = rig
        .get("github-a", "/repos/quirks/former/contents/README.md?ref=main")
        .await;
    let place = header(&read, "location").unwrap().to_owned();
    assert_eq!(read.status(), 301);
    assert!(
        place.starts_with(&format!("{origin}/repositories/")) && place.ends_with("?ref=main"),
        "{place}"
    );
    let file = rig.get_json("github-a", &place[origin.len()..]).await;
    assert!(file["url"].as_str().unwrap().contains("/repos/quirks/renamed/"));
    let write = rig
        .post("github-a", "/repos/quirks/former/issues", &json!({ "title": "x" }))
        .await;
    assert_eq!(write.status(), 307);
    let place = header(&write, "location").unwrap()[origin.len()..].to_owned();
    made(rig.post("github-a", &place, &json!({ "title": "x" })).await).await;
    assert_eq!(rig.get("github-a", "/repositories/1").await.status(), 404);
    // Somebody takes the former name.
    made(
        rig.post("github-a", "/orgs/quirks/repos", &json!({ "name": "former" }))
            .await,
    )
    .await;
    assert_eq!(rig.get("github-a", "/repos/quirks/former").await.status(), 200);
}

#[tokio::test]
async fn h18_a_missing_ref_is_422_and_so_is_one_that_must_stay() {
    let rig = Rig::start().await;
    for (name, words) in [
        ("heads/none", "Reference does not exist"),
        ("tags/none", "Reference does not exist"),
        ("heads/main", "Cannot delete"),
        ("heads/release/1.4", "Cannot delete"),
    ] {
        let path = format!("/repos/acme/api/git/refs/{name}");
        let (status, answer) = send(&rig, Method::DELETE, &path, &json!({})).await;
        assert!(
            status == 422 && answer["message"].as_str().unwrap().starts_with(words),
            "{name}: {answer}"
        );
    }
    let (status, _) = send(
        &rig,
        Method::DELETE,
        "/repos/acme/api/git/refs/heads/develop",
        &json!({}),
    )
    .await;
    assert_eq!(status, 204);
}

#[tokio::test]
async fn ten_thousand_branches_are_paged_to_the_end() {
    let rig = Rig::start().await;
    let origin = rig.server("github-a").base_url().to_owned();
    let mut next = Some("/repos/quirks/crowded/branches?per_page=100".to_owned());
    let (mut names, mut pages) = (BTreeSet::new(), 0);
    while let Some(path) = next {
        let response = rig.get("github-a", &path).await;
        next = link(&response, &origin, "next");
        let branches: Vec<Value> = response.json().await.unwrap();
        names.extend(
            branches
                .iter()
                .map(|branch| branch["name"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        assert!(pages <= 101, "no end");
    }
    assert_eq!((pages, names.len()), (101, 10_001));
}

#[tokio::test]
async fn what_is_archived_protected_or_private_is_refused_in_its_own_way() {
    let rig = rig().await;
    let issue = send(
        &rig,
        Method::POST,
        "/repos/quirks/archived/issues",
        &json!({ "title": "x" }),
    )
    .await;
    assert!(issue.0 == 403 && issue.1["message"].as_str().unwrap().contains("archived"));
    let write = json!({ "message": "m", "content": "eA==" });
    let protected = send(&rig, Method::PUT, "/repos/acme/api/contents/new", &write).await;
    assert!(protected.0 == 409 && protected.1["message"].as_str().unwrap().contains("pull request"));
    let body = json!({ "name": "hidden", "private": true });
    made(rig.post("github-a", "/user/repos", &body).await).await;
    let stranger = rig.bare("github-a", Method::GET, "/repos/sandbox-user/hidden");
    let stranger = stranger.header("user-agent", "sandbox-test").send().await.unwrap();
    assert_eq!(stranger.status(), 404);
    assert_eq!(rig.get("github-a", "/repos/sandbox-user/hidden").await.status(), 200);
}

#[tokio::test]
async fn the_last_word_of_each_context_makes_the_combined_state() {
    let rig = Rig::start().await;
    let combined = async || rig.get_json("github-a", "/repos/acme/api/commits/main/status").await;
    let none = combined().await;
    assert_eq!((&none["state"], &none["total_count"]), (&json!("pending"), &json!(0)));
    let path = format!("/repos/acme/api/statuses/{}", none["sha"].as_str().unwrap());
    for (context, word, expected) in [
        ("ci", "pending", "pending"),
        ("lint", "success", "pending"),
        ("ci", "success", "success"),
        ("ci", "error", "failure"),
    ] {
        made(
            rig.post("github-a", &path, &json!({ "state": word, "context": context }))
                .await,
        )
        .await;
        assert_eq!(combined().await["state"], expected, "{context} {word}");
    }
    assert_eq!(combined().await["total_count"], 2);
    let all = rig.get_json("github-a", "/repos/acme/api/commits/main/statuses").await;
    assert_eq!(all.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_hooks_secret_is_taken_and_never_given() {
    let rig = Rig::start().await;
    let body = json!({ "config": { "url": "https://h.invalid/", "secret": "s3cr3t-canary" } });
    let hook = made(rig.post("github-a", "/repos/acme/api/hooks", &body).await).await;
    assert_eq!(
        (&hook["events"], &hook["config"]["secret"]),
        (&json!(["push"]), &json!("********"))
    );
    let list = rig.get("github-a", "/repos/acme/api/hooks").await.text().await.unwrap();
    assert!(!list.contains("s3cr3t-canary"));
}
