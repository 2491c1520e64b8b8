//! Writes that must happen once.

use futures_util::future::join_all;
use http::Method;
use mosaic::sandbox::{Effect, Fault};
use serde_json::json;

use crate::harness::{Setup, Stage};

const ISSUES: &str = "/repos/acme/api/issues";

fn posts(stage: &Stage) -> u64 {
    let forges = ["github-a", "github-b"].map(|name| stage.server(name).requests().arrived(&Method::POST, ISSUES));
    forges.iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_write_arrives_once_however_often_it_is_sent() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let state = format!("[state]\npath = \"{}\"\n", folder.path().join("state.db").display());
    let stage = Stage::open(Setup {
        tables: state,
        ..Setup::default()
    })
    .await;
    for name in ["github-a", "github-b"] {
        let slow = Fault::new(Effect::Latency { ms: 200, jitter_ms: 0 });
        stage.server(name).faults().add(slow).expect("a sound fault");
    }
    let url = format!("http://{}/v1/projects/issues", stage.gateway.public);
    let issue = json!({"project": "acme/api", "title": "Once"});
    let key = [("idempotency-key", "a-key-of-this-test")];
    let replies = join_all((0..8).map(|_| stage.gateway.client.post(&url, &issue, &key))).await;
    let (done, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert!(!done.is_empty());
    for reply in &refused {
        assert_eq!(reply.refused(409), "conflict");
        assert_eq!(
            (&reply.json()["retryable"], &reply.json()["field"]),
            (&json!(true), &json!("idempotency_key"))
        );
        assert!(!reply.header("retry-after").is_empty(), "{reply:?}");
    }
    let replayed = stage.gateway.client.post(&url, &issue, &key).await;
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    assert!(done.iter().all(|reply| reply.json() == replayed.ok()));
    assert_eq!((posts(&stage), done.len() + refused.len()), (1, 8));

    let other = json!({"project": "acme/api", "title": "Another"});
    assert_eq!(
        stage.gateway.client.post(&url, &other, &key).await.refused(422),
        "conflict"
    );
    let line = ["projects", "issue", "create", "acme/api", "--title", "Once", "--json"];
    let by_cli = stage
        .gateway
        .cli(&[&line[..], &["--idempotency-key", "a-key-of-this-test"]].concat());
    assert_eq!(by_cli.json(), replayed.json());
    assert_eq!(posts(&stage), 1);
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_may_have_happened_is_not_repeated() {
    let stage = Stage::open(Setup::default()).await;
    for name in ["github-a", "github-b"] {
        let reset = Fault::new(Effect::Reset { processed: true }).method(&Method::POST);
        stage.server(name).faults().add(reset).expect("a sound fault");
    }
    let issue = json!({"project": "acme/api", "title": "Perhaps"});
    let reply = stage.gateway.post("/v1/projects/issues", &issue).await;
    assert_eq!(reply.refused(502), "network");
    assert_eq!(
        reply.json()["retryable"],
        false,
        "a second try could be a second issue: {reply:?}"
    );
    assert_eq!(posts(&stage), 1);
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_shows_in_the_lists_that_were_cached() {
    let stage = Stage::open(Setup::default()).await;
    let list = "/v1/projects/issues?project=github-a~acme/api";
    let before = stage.gateway.get(list).await.ok();
    assert!(stage.gateway.get(list).await.header("cache-status").contains("hit"));
    let issue = json!({"project": "github-a~acme/api", "title": "Fresh"});
    let created = stage.gateway.post("/v1/projects/issues", &issue).await.ok();
    let after = stage.gateway.get(list).await.ok();
    assert!(!before.to_string().contains("Fresh") && after.to_string().contains("Fresh"));
    assert!(
        after["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["id"] == created["id"])
    );
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_write_in_doubt_says_so_until_an_operator_frees_its_key() {
    let stage = Stage::open(Setup::default()).await;
    for name in ["github-a", "github-b"] {
        let reset = Fault::new(Effect::Reset { processed: true }).method(&Method::POST);
        stage.server(name).faults().add(reset).expect("a sound fault");
    }
    let url = format!("http://{}/v1/projects/issues", stage.gateway.public);
    let issue = json!({"project": "acme/api", "title": "Perhaps"});
    let create = || stage.gateway.client.post(&url, &issue, &[("idempotency-key", "doubt")]);
    for _ in 0..2 {
        let told = create().await;
        assert_eq!(told.refused(502), "network");
        let told = told.json();
        assert_eq!(
            (&told["outcome"], &told["retryable"]),
            (&json!("unknown"), &json!(false))
        );
        assert!(
            told["detail"].as_str().expect("a sentence").contains("is unknown"),
            "{told}"
        );
    }
    assert_eq!(posts(&stage), 1);

    let keys = stage.gateway.admin("/admin/v1/idempotency?in_doubt=true").await.ok();
    let (row, facts) = (&keys["keys"][0], ["key", "operation", "state"]);
    assert_eq!(
        facts.map(|fact| &row[fact]),
        ["doubt", "projects.issue.create", "in_doubt"]
    );
    assert!(!keys.to_string().contains("Perhaps"), "{keys}");
    let shown = stage.gateway.cli(&["keys", "list"]);
    assert!(shown.ok().contains("doubt"), "{shown:?}");

    for name in ["github-a", "github-b"] {
        stage.server(name).faults().clear();
    }
    let tenant = row["tenant"].as_str().expect("a name");
    let release = [
        "keys",
        "release",
        "doubt",
        "--operation",
        "projects.issue.create",
        "--force",
    ];
    let because = ["--tenant", tenant, "--reason", "it is not there"];
    stage.gateway.cli(&[&release[..], &because[..]].concat()).ok();
    create().await.ok();
    assert_eq!(posts(&stage), 2);
    stage.close().await.ok();
}
