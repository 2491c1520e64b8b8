//! What outlives a restart of the process, and what is refused when it cannot be recorded.

use mosaic::stores::{self, Expected};
use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};

use crate::stage::{Stage, config, two_at, upstream, with_state};

#[tokio::test]
async fn instances_changed_at_run_time_come_back_as_they_were_left() {
    let (_upstream, url) = upstream().await;
    let folder = tempfile::tempdir().expect("a folder");
    let text = with_state(&two_at(&url), &folder.path().join("state.db"));
    let table = json!({"kind": "github", "base_url": url, "health_check": false, "max_in_flight": 7});

    let stage = Stage::of(&text).await;
    let added = stage.order("/plugins", json!({"name": "c", "provider": table})).await;
    assert_eq!(added["kept"], true);
    stage.order("/plugins/a/update", json!({"provider": table})).await;
    stage.order("/plugins/b/remove", json!({})).await;
    stage.stop().await;

    let stage = Stage::of(&text).await;
    for name in ["a", "c"] {
        let plugin = stage.plugin(name).await;
        assert_eq!(
            (&plugin["life"], &plugin["source"]),
            (&json!("running"), &json!("document")),
            "{name}"
        );
        assert_eq!(plugin["traffic"]["max_in_flight"], 7, "{name}: the document wins");
    }
    assert_eq!(
        stage.get("/plugins/b").await.0,
        404,
        "it was removed, though the configuration has it"
    );
    stage.order("/plugins", json!({"name": "b", "provider": table})).await;
    stage.order("/plugins/c/remove", json!({})).await;
    stage.stop().await;

    let stage = Stage::of(&text).await;
    assert_eq!(stage.plugin("b").await["source"], "document");
    assert_eq!(stage.get("/plugins/c").await.0, 404);
    stage.stop().await;
}

#[tokio::test]
async fn a_document_that_cannot_be_used_is_told_and_can_be_removed() {
    let (_upstream, url) = upstream().await;
    let folder = tempfile::tempdir().expect("a folder");
    let text = with_state(&two_at(&url), &folder.path().join("state.db"));
    let store = stores::open(&config(&text).state).await.expect("a store");
    for (name, table) in [
        ("old", json!({"kind": "no-longer"})),
        ("poor", json!({"kind": "github", "token": "env:MOSAIC_TEST_NOT_SET"})),
    ] {
        let body = json!({ "provider": table });
        store
            .put_document("provider", name, &body, Expected::Absent)
            .await
            .expect("it is kept");
    }
    store.close().await;

    let stage = Stage::of(&text).await;
    let plugins = stage.view("/plugins").await;
    let why = plugins["unusable"]["old"].as_str().expect("a reason");
    assert!(why.contains("providers.old.kind"), "{why}");
    let poor = stage.plugin("poor").await;
    assert_eq!(
        (&poor["life"], &poor["config"]["valid"]),
        (&json!("failed"), &json!(false)),
        "{poor}"
    );
    assert_eq!(poor["traffic"]["outcome"], "none_yet");
    assert_eq!(stage.view("/status").await["config"]["invalid"], 2);
    assert_eq!(
        stage.plugin("a").await["life"],
        "running",
        "it keeps nobody else from serving"
    );
    stage.order("/plugins/old/remove", json!({})).await;
    stage.order("/plugins/poor/remove", json!({})).await;
    assert_eq!(stage.view("/status").await["config"]["invalid"], 0);
    stage.stop().await;
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_unless_it_makes_things_safer() {
    let (_upstream, url) = upstream().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    let stage = Stage::of(&with_state(&two_at(&url), &path)).await;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .expect("the file");
    other.execute("BEGIN IMMEDIATE").await.expect("nobody writes");

    let reason = || json!({"reason": "r"});
    let (status, problem) = stage.post("/plugins/a/update", reason()).await;
    assert_eq!((status, &problem["code"]), (503, &json!("overloaded")), "{problem}");
    assert_eq!(stage.plugin("a").await["revision"], 1, "it was not done");
    for path in ["/breakers/a/force-open", "/plugins/a/stop"] {
        let (status, done) = stage.post(path, reason()).await;
        assert_eq!((status, &done["audited"]), (200, &json!(false)), "{path}: {done}");
    }
    assert_eq!(stage.plugin("a").await["life"], "stopped");

    other.execute("ROLLBACK").await.expect("it holds the lock");
    stage.order("/plugins/a/start", json!({})).await;
    other.close().await.expect("it closes");
    stage.stop().await;
}
