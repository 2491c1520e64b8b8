//! Gitea: routes, tokens, pagination, labels, files, state.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Rig, header, link, number};

#[tokio::test]
async fn both_instances_serve_the_same_repository_and_name_themselves() {
    let rig = Rig::start().await;
    let a = rig.get_json("gitea-a", "/repos/acme/api").await;
    let b = rig.get_json("gitea-b", "/repos/ACME/Api").await;
    assert_eq!((&a["full_name"], &a["id"]), (&json!("acme/api"), &b["id"]));
    assert!(a["description"].as_str().unwrap().ends_with("gitea-a"));
    assert!(b["description"].as_str().unwrap().ends_with("gitea-b"));
    let url = format!("{}/repos/acme/api", rig.server("gitea-a").base_url());
    assert_eq!(a["url"], url);
}

#[tokio::test]
async fn following_next_visits_every_repository_once_and_the_limit_is_capped() {
    let rig = Rig::start().await;
    let base = rig.server("gitea-a").base_url().to_owned();
    for (start, expected_pages) in [("/orgs/many/repos", 4), ("/orgs/many/repos?limit=100", 3)] {
        let mut next = Some(start.to_owned());
        let (mut names, mut pages) = (BTreeSet::new(), 0);
        while let Some(path) = next {
            let response = rig.get("gitea-a", &path).await;
            assert_eq!(number(&response, "x-total-count"), 120);
            next = gitea_link(&response, &base, "next");
            let repos: Vec<Value> = response.json().await.unwrap();
            pages += 1;
            assert!(pages <= expected_pages, "{start}: page {pages}");
            let fresh = |repo: &Value| names.insert(repo["name"].as_str().unwrap().to_owned());
            assert!(repos.iter().all(fresh), "{start}: a repository came twice");
        }
        assert_eq!((pages, names.len()), (expected_pages, 120), "{start}");
    }
}

/// Gitea puts no space behind the comma between two links.
fn gitea_link(response: &reqwest::Response, base: &str, rel: &str) -> Option<String> {
    let wanted = format!("rel=\"{rel}\"");
    let entry = header(response, "link")?
        .split(',')
        .find(|entry| entry.ends_with(&wanted))?;
    let url = entry.strip_prefix('<')?.split('>').next()?;
    Some(
        url.strip_prefix(base)
            .expect("links lead to the same server")
            .to_owned(),
    )
}

#[tokio::test]
async fn tokens_are_checked() {
    let rig = Rig::start().await;
    let with = async |path: &str, authorization: Option<&str>| {
        let request = rig.bare("gitea-a", Method::GET, path);
        let request = match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(with("/user", Some("token sandbox-gitea-a")).await.0, 200);
    assert_eq!(with("/user", Some("Bearer sandbox-gitea-a")).await.0, 200);
    assert_eq!(with("/repos/acme/api", None).await.0, 200);
    for (path, authorization) in [
        ("/user", None),
        ("/user/repos", None),
        ("/version", Some("token sandbox-gitea-b")),
        ("/user", Some("Basic sandbox-gitea-a")),
    ] {
        let (status, body) = with(path, authorization).await;
        assert_eq!(status, 401, "{path} {authorization:?}");
        assert!(body["message"].is_string() && body["url"].is_string(), "{body}");
    }
    let refused = rig.bare("gitea-a", Method::POST, "/repos/acme/api/issues").send().await;
    assert_eq!(refused.unwrap().status(), 401);
    assert_eq!(rig.server("gitea-a").created(), 0);
}

#[tokio::test]
async fn a_file_comes_as_base64_or_raw_and_a_large_one_only_raw() {
    let rig = Rig::start().await;
    let raw = async |path: &str| {
        let response = rig.get("gitea-a", &format!("/repos/acme/api/raw/{path}")).await;
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap()
    };
    for path in [
        "README.md",
        "assets/logo.bin",
        "assets/empty",
        "docs/a%20file%20with%20spaces.md",
    ] {
        let file = rig
            .get_json("gitea-a", &format!("/repos/acme/api/contents/{path}"))
            .await;
        let content = STANDARD.decode(file["content"].as_str().unwrap()).unwrap();
        assert_eq!((&file["type"], &file["encoding"]), (&json!("file"), &json!("base64")));
        assert_eq!(content, raw(path).await, "{path}");
        assert_eq!(file["size"], content.len());
    }
    let large = rig.get_json("gitea-a", "/repos/acme/api/contents/data/large.txt").await;
    assert_eq!((&large["encoding"], &large["content"]), (&Value::Null, &Value::Null));
    assert_eq!(large["size"], raw("data/large.txt").await.len());

    let list = rig.get_json("gitea-a", "/repos/acme/api/contents/src").await;
    let names: Vec<_> = list.as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["http", "main.rs"]);
    for path in ["contents/none", "raw/src", "raw/README.md?ref=none"] {
        let response = rig.get("gitea-a", &format!("/repos/acme/api/{path}")).await;
        assert_eq!(response.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn issues_are_filtered_by_all_labels_and_include_pull_requests_unless_told_otherwise() {
    let rig = Rig::start().await;
    let numbers = async |query: &str| {
        let issues = rig
            .get_json("gitea-a", &format!("/repos/acme/api/issues?{query}"))
            .await;
        let issues = issues.as_array().unwrap().iter();
        issues
            .map(|issue| issue["number"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("").await, [6, 3, 2, 1]);
    assert_eq!(numbers("type=issues").await, [6, 2, 1]);
    assert_eq!(numbers("type=pulls&state=all").await, [5, 3]);
    assert_eq!(numbers("labels=documentation,help%20wanted").await, [2]);
    assert!(numbers("labels=bug,documentation").await.is_empty());
    assert_eq!(numbers("labels=bug,unheard-of&state=all").await, [4, 1]);
    assert_eq!(numbers("labels=unheard-of&type=issues").await, [6, 2, 1]);
    // Those of the organisation do not count.
    assert_eq!(numbers("labels=org-wide&type=issues").await, [6, 2, 1]);
    let pull = rig.get_json("gitea-a", "/repos/acme/api/issues/3").await;
    let issue = rig.get_json("gitea-a", "/repos/acme/api/issues/1").await;
    assert!(pull["pull_request"].is_object() && issue["pull_request"].is_null());
}

#[tokio::test]
async fn labels_are_counted_and_not_linked() {
    let rig = Rig::start().await;
    let response = rig.get("gitea-a", "/repos/acme/web/labels?limit=100&page=2").await;
    assert_eq!(
        (number(&response, "x-total-count"), header(&response, "link")),
        (124, None)
    );
    assert_eq!(response.json::<Vec<Value>>().await.unwrap().len(), 50);
}

#[tokio::test]
async fn a_created_issue_takes_ids_of_labels_and_can_be_read_back() {
    let rig = Rig::start().await;
    let label = async |path: &str, name: &str| {
        let labels = rig.get_json("gitea-a", path).await;
        let mut labels = labels.as_array().unwrap().iter();
        labels.find(|label| label["name"] == name).unwrap()["id"].clone()
    };
    let own = label("/repos/acme/api/labels", "bug").await;
    let shared = label("/orgs/acme/labels", "org-wide").await;
    let foreign = label("/repos/acme/web/labels", "bug").await;
    let path = "/repos/acme/api/issues";
    let input = json!({ "title": "Grüße", "labels": [own, shared, foreign, -1], "assignees": ["sandbox-user"] });
    let response = rig.post("gitea-a", path, &input).await;
    assert_eq!(response.status(), 201);
    let created: Value = response.json().await.unwrap();
    let names: Vec<_> = created["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| &label["name"])
        .collect();
    assert_eq!(
        (&created["number"], names),
        (&json!(7), vec![&json!("bug"), &json!("org-wide")])
    );
    assert_eq!(rig.get_json("gitea-a", "/repos/acme/api/issues/7").await, created);
    assert_eq!(rig.get("gitea-b", "/repos/acme/api/issues/7").await.status(), 404);

    for wrong in [
        json!({}),
        json!({ "title": " " }),
        json!({ "title": "x", "labels": ["bug"] }),
        json!({ "title": "x", "assignees": ["stranger"] }),
        json!({ "title": "x", "body": "x".repeat(65_537) }),
    ] {
        assert_eq!(rig.post("gitea-a", path, &wrong).await.status(), 422);
    }
    assert_eq!(rig.server("gitea-a").created(), 1);
}

#[tokio::test]
async fn only_a_proxy_limits_and_it_speaks_no_json() {
    let rig = Rig::one("gitea", |server| server.requests_per_window = Some(1)).await;
    assert_eq!(rig.get("one", "/version").await.status(), 200);
    let refused = rig.get("one", "/version").await;
    assert_eq!(
        (refused.status().as_u16(), header(&refused, "content-type")),
        (429, Some("text/html"))
    );
    assert!((1..=60).contains(&number(&refused, "retry-after")));
}

#[tokio::test]
async fn a_refusal_by_fault_is_in_giteas_words_or_without_any() {
    use mosaic::sandbox::{Effect, Fault};
    let rig = Rig::start().await;
    for (status, body) in [(423, "Locked"), (409, ""), (500, "")] {
        let server = rig.server("gitea-a");
        server.faults().add(Fault::new(Effect::Error { status })).unwrap();
        let response = rig.get("gitea-a", "/version").await;
        server.faults().clear();
        assert_eq!(response.status(), status);
        let text = response.text().await.unwrap();
        match status {
            409 => assert_eq!(text, ""),
            _ => assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["message"], body),
        }
    }
}

#[tokio::test]
async fn links_lead_to_both_ends() {
    let rig = Rig::start().await;
    let base = rig.server("gitea-a").base_url().to_owned();
    let response = rig.get("gitea-a", "/user/repos?limit=50&page=2").await;
    for (rel, page) in [("next", 3), ("last", 3), ("first", 1), ("prev", 1)] {
        let path = format!("/user/repos?limit=50&page={page}");
        assert_eq!(gitea_link(&response, &base, rel), Some(path), "{rel}");
    }
    let whole = rig.get("gitea-a", "/repos/acme/api/branches").await;
    assert_eq!(link(&whole, &base, "next"), None);
}
