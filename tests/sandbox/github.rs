//! GitHub: routes, authentication, pagination, conditional requests, state.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Rig, header, link, number};

#[tokio::test]
async fn both_instances_serve_the_same_repository_and_name_themselves() {
    let rig = Rig::start().await;
    let a = rig.get_json("github-a", "/repos/acme/api").await;
    let b = rig.get_json("github-b", "/repos/ACME/Api").await;
    assert_eq!(a["full_name"], "acme/api");
    assert_eq!(a["id"], b["id"]);
    assert!(a["description"].as_str().unwrap().ends_with("github-a"));
    assert!(b["description"].as_str().unwrap().ends_with("github-b"));
    assert_eq!(
        a["url"],
        format!("{}/repos/acme/api", rig.server("github-a").base_url())
    );
}

#[tokio::test]
async fn following_next_visits_every_repository_once() {
    let rig = Rig::start().await;
    let origin = rig.server("github-a").base_url().to_owned();
    let mut next = Some("/orgs/many/repos".to_owned());
    let (mut names, mut pages) = (BTreeSet::new(), 0);
    while let Some(path) = next {
        let response = rig.get("github-a", &path).await;
        next = link(&response, &origin, "next");
        let repos: Vec<Value> = response.json().await.unwrap();
        pages += 1;
        assert!(pages <= 4 && !repos.is_empty(), "page {pages}");
        assert!(
            repos
                .iter()
                .all(|repo| names.insert(repo["name"].as_str().unwrap().to_owned()))
        );
    }
    assert_eq!((pages, names.len()), (4, 120));
}

#[tokio::test]
async fn links_lead_forth_back_and_to_both_ends() {
    let rig = Rig::start().await;
    let origin = rig.server("github-a").base_url().to_owned();
    let response = rig.get("github-a", "/user/repos?per_page=50&page=2").await;
    let to = |rel| link(&response, &origin, rel).unwrap();
    assert_eq!(to("prev"), "/user/repos?per_page=50&page=1");
    assert_eq!(to("next"), "/user/repos?per_page=50&page=3");
    assert_eq!(to("last"), "/user/repos?per_page=50&page=3");
    assert_eq!(to("first"), "/user/repos?per_page=50&page=1");
    let whole = rig.get("github-a", "/repos/acme/api/branches").await;
    assert_eq!(header(&whole, "link"), None, "one page needs no link");
    let beyond = rig.get("github-a", "/user/repos?per_page=1000&page=9").await;
    assert_eq!(link(&beyond, &origin, "next"), None);
    assert_eq!(beyond.json::<Value>().await.unwrap(), json!([]));
}

#[tokio::test]
async fn credentials_and_user_agent_are_checked() {
    let rig = Rig::start().await;
    let get = |path| rig.bare("github-a", Method::GET, path);
    let agent = |request: reqwest::RequestBuilder| request.header("user-agent", "sandbox-test");

    let nobody = get("/repos/acme/api").send().await.unwrap();
    assert_eq!(nobody.status(), 403);
    assert!(nobody.text().await.unwrap().contains("User-Agent"));

    let wrong = agent(get("/repos/acme/api"))
        .bearer_auth("sandbox-github-b")
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    let body: Value = wrong.json().await.unwrap();
    assert_eq!(
        (&body["message"], &body["status"]),
        (&json!("Bad credentials"), &json!("401"))
    );
    assert!(body["documentation_url"].is_string());

    let older_scheme = agent(get("/user"))
        .header("authorization", "token sandbox-github-a")
        .send()
        .await
        .unwrap();
    assert_eq!(older_scheme.status(), 200);

    let anonymous = agent(get("/repos/acme/api")).send().await.unwrap();
    assert_eq!(
        (anonymous.status().as_u16(), number(&anonymous, "x-ratelimit-limit")),
        (200, 60)
    );
    for (method, path) in [(Method::GET, "/user/repos"), (Method::POST, "/repos/acme/api/issues")] {
        let refused = agent(rig.bare("github-a", method, path)).send().await.unwrap();
        assert_eq!(refused.status(), 401, "{path}");
    }
    assert_eq!(rig.server("github-a").created(), 0);
}

#[tokio::test]
async fn an_unknown_api_version_is_refused() {
    let rig = Rig::start().await;
    let with = |version: &str| {
        rig.request("github-a", Method::GET, "/zen")
            .header("x-github-api-version", version)
    };
    let known = with("2022-11-28").send().await.unwrap();
    assert_eq!(header(&known, "x-github-api-version-selected"), Some("2022-11-28"));
    assert_eq!(known.status(), 200);
    assert_eq!(with("2001-01-01").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn an_unchanged_answer_is_304_and_costs_nothing() {
    let rig = Rig::start().await;
    let path = "/repos/acme/web/issues";
    let first = rig.get("github-a", path).await;
    let (tag, left) = (
        header(&first, "etag").unwrap().to_owned(),
        number(&first, "x-ratelimit-remaining"),
    );
    assert_eq!(left, 4_999);
    let again = || rig.request("github-a", Method::GET, path).header("if-none-match", &tag);
    let same = again().send().await.unwrap();
    assert_eq!(same.status(), 304);
    assert_eq!(number(&same, "x-ratelimit-remaining"), left);
    assert!(same.bytes().await.unwrap().is_empty());

    rig.post("github-a", path, &json!({ "title": "It changes" })).await;
    let changed = again().send().await.unwrap();
    assert_eq!(changed.status(), 200);
    assert_ne!(header(&changed, "etag"), Some(tag.as_str()));
    assert_eq!(number(&changed, "x-ratelimit-remaining"), left - 2);
}

#[tokio::test]
async fn the_hourly_limit_is_real_and_asking_about_it_is_free() {
    let rig = Rig::one("github", |server| server.requests_per_window = Some(2)).await;
    for remaining in [1, 0] {
        let response = rig.get("one", "/repos/acme/api").await;
        assert_eq!(
            (response.status().as_u16(), number(&response, "x-ratelimit-remaining")),
            (200, remaining)
        );
    }
    let refused = rig.get("one", "/repos/acme/api").await;
    assert_eq!(
        (refused.status().as_u16(), number(&refused, "x-ratelimit-used")),
        (403, 2)
    );
    let reset = SystemTime::UNIX_EPOCH + Duration::from_secs(number(&refused, "x-ratelimit-reset"));
    assert!(reset > SystemTime::now());
    let rate = rig.get_json("one", "/rate_limit").await;
    assert_eq!(
        (&rate["rate"]["remaining"], &rate["resources"]["core"]["limit"]),
        (&json!(0), &json!(2))
    );
}

#[tokio::test]
async fn a_file_comes_as_base64_in_lines_or_raw() {
    let rig = Rig::start().await;
    let content = |file: &Value| {
        STANDARD
            .decode(file["content"].as_str().unwrap().replace('\n', ""))
            .unwrap()
    };
    let raw = async |path: &str| {
        let request = rig.request("github-a", Method::GET, &format!("/repos/acme/api/contents/{path}"));
        let response = request
            .header("accept", "application/vnd.github.raw+json")
            .send()
            .await
            .unwrap();
        assert_eq!(header(&response, "x-github-media-type"), Some("github.v3; param=raw"));
        response.bytes().await.unwrap()
    };
    for path in [
        "README.md",
        "assets/logo.bin",
        "assets/empty",
        "docs/a%20file%20with%20spaces.md",
    ] {
        let file = rig
            .get_json("github-a", &format!("/repos/acme/api/contents/{path}"))
            .await;
        assert_eq!((&file["type"], &file["encoding"]), (&json!("file"), &json!("base64")));
        assert!(file["content"].as_str().unwrap().lines().all(|line| line.len() <= 60));
        assert_eq!(content(&file), raw(path).await, "{path}");
        assert_eq!(file["size"], content(&file).len());
    }
    let large = rig
        .get_json("github-a", "/repos/acme/api/contents/data/large.txt")
        .await;
    assert_eq!((&large["encoding"], &large["content"]), (&json!("none"), &json!("")));
    assert!(large["size"].as_u64().unwrap() > 1 << 20);
    assert_eq!(large["size"], raw("data/large.txt").await.len());
}

#[tokio::test]
async fn a_directory_is_listed_and_a_ref_chooses_the_branch() {
    let rig = Rig::start().await;
    let list = rig.get_json("github-a", "/repos/acme/api/contents").await;
    let entries: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["name"].as_str().unwrap(), e["type"].as_str().unwrap()))
        .collect();
    let expected = [
        ("Cargo.toml", "file"),
        ("README.md", "file"),
        ("assets", "dir"),
        ("data", "dir"),
        ("docs", "dir"),
        ("src", "dir"),
    ];
    assert_eq!(entries, expected);
    let nested = rig.get_json("github-a", "/repos/acme/api/contents/src/http").await;
    assert_eq!(nested[0]["path"], "src/http/mod.rs");

    let sha = async |query: &str| {
        rig.get_json("github-a", &format!("/repos/acme/api/contents/README.md{query}"))
            .await["sha"]
            .clone()
    };
    assert_eq!(sha("").await, sha("?ref=main").await);
    assert_ne!(sha("").await, sha("?ref=release/1.4").await);
    let branches = rig.get_json("github-a", "/repos/acme/api/branches").await;
    assert_eq!(branches[2]["name"], "release/1.4");
    let by_commit = format!("?ref={}", branches[2]["commit"]["sha"].as_str().unwrap());
    assert_eq!(sha(&by_commit).await, sha("?ref=release%2F1.4").await);
    for path in ["README.md?ref=none", "none", "src/none", "READM"] {
        let response = rig.get("github-a", &format!("/repos/acme/api/contents/{path}")).await;
        assert_eq!(response.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn issues_are_filtered_and_include_pull_requests() {
    let rig = Rig::start().await;
    let numbers = async |query: &str| {
        let issues = rig
            .get_json("github-a", &format!("/repos/acme/api/issues?{query}"))
            .await;
        issues
            .as_array()
            .unwrap()
            .iter()
            .map(|issue| issue["number"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("").await, [6, 3, 2, 1]);
    assert_eq!(numbers("state=closed&direction=asc").await, [4, 5]);
    assert_eq!(numbers("state=all&labels=bug").await, [4, 1]);
    assert_eq!(numbers("labels=documentation,help%20wanted").await, [2]);
    assert!(numbers("labels=bug,documentation").await.is_empty());
    let all = rig.get_json("github-a", "/repos/acme/api/issues?state=all").await;
    let pulls: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .filter(|issue| issue.get("pull_request").is_some())
        .collect();
    assert_eq!(
        pulls
            .iter()
            .map(|pull| pull["number"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [5, 3]
    );
    assert_eq!(pulls[0]["state"], "closed");
}

#[tokio::test]
async fn a_created_issue_can_be_read_back_and_only_there() {
    let rig = Rig::start().await;
    let path = "/repos/acme/api/issues";
    let input = json!({ "title": "Grüße 🚀", "body": "text", "labels": ["bug", { "name": "new" }], "assignees": ["sandbox-user"] });
    let response = rig.post("github-a", path, &input).await;
    assert_eq!(response.status(), 201);
    let location = header(&response, "location").unwrap().to_owned();
    let created: Value = response.json().await.unwrap();
    assert_eq!((&created["number"], &created["state"]), (&json!(7), &json!("open")));
    assert_eq!(location, created["url"].as_str().unwrap());
    assert_eq!(
        (&created["labels"][1]["name"], &created["assignee"]["login"]),
        (&json!("new"), &json!("sandbox-user"))
    );

    assert_eq!(rig.get_json("github-a", "/repos/acme/api/issues/7").await, created);
    assert_eq!(rig.get_json("github-a", path).await[0], created);
    assert_eq!(rig.get("github-b", "/repos/acme/api/issues/7").await.status(), 404);
    let repo = rig.get_json("github-a", "/repos/acme/api").await;
    assert_eq!(repo["open_issues_count"], 5);
    assert_eq!(
        (rig.server("github-a").created(), rig.server("github-b").created()),
        // The issue, and a label that there was not before.
        (2, 0)
    );
}

#[tokio::test]
async fn a_wrong_issue_is_refused_with_its_field() {
    let rig = Rig::start().await;
    let path = "/repos/acme/api/issues";
    for (input, field, code) in [
        (json!({}), "title", "missing_field"),
        (json!({ "title": " " }), "title", "missing_field"),
        (json!({ "title": ["x"] }), "title", "invalid"),
        (json!({ "title": "x".repeat(257) }), "title", "too_long"),
        (json!({ "title": "x", "labels": [1] }), "labels", "invalid"),
        (
            json!({ "title": "x", "assignees": ["stranger"] }),
            "assignees",
            "invalid",
        ),
    ] {
        let response = rig.post("github-a", path, &input).await;
        assert_eq!(response.status(), 422, "{input}");
        let body: Value = response.json().await.unwrap();
        let error = &body["errors"][0];
        assert_eq!(
            (&error["resource"], &error["field"], &error["code"]),
            (&json!("Issue"), &json!(field), &json!(code))
        );
    }
    let request = rig.request("github-a", Method::POST, path);
    assert_eq!(request.body("{\"title\":").send().await.unwrap().status(), 400);
    assert_eq!(
        rig.post("github-a", "/repos/acme/none/issues", &json!({ "title": "x" }))
            .await
            .status(),
        404
    );
    assert_eq!(rig.server("github-a").created(), 0);
}

#[tokio::test]
async fn every_answer_carries_githubs_headers() {
    let rig = Rig::start().await;
    let mut ids = BTreeSet::new();
    for path in ["/zen", "/repos/acme/api", "/repos/acme/none", "/no/such/route", "/user"] {
        let response = rig.get("github-a", path).await;
        for name in [
            "x-github-media-type",
            "x-ratelimit-limit",
            "x-ratelimit-reset",
            "x-ratelimit-resource",
        ] {
            assert!(header(&response, name).is_some(), "{path} {name}");
        }
        assert!(ids.insert(header(&response, "x-github-request-id").unwrap().to_owned()));
    }
}
