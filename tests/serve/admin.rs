//! What operators see and do.

use serde_json::json;

use crate::harness::{Setup, Stage, soon};

#[tokio::test(flavor = "multi_thread")]
async fn tree_and_status_are_for_people_and_for_programs() {
    let stage = Stage::open(Setup::default()).await;
    stage.gateway.get("/v1/git/repos/acme/api").await.ok();
    let tree = stage.gateway.cli(&["tree"]);
    let actors = [
        "root (one_for_one)",
        "telemetry",
        "state",
        "l1",
        "quotas",
        "credits",
        "github-a",
        "breaker",
        "router",
        "gateway",
    ];
    for actor in actors {
        assert!(tree.ok().contains(actor), "{actor} in:\n{}", tree.stdout);
    }
    // A number that stands for "without bound" is none that people can read.
    assert!(!tree.stdout.contains("4294967295"), "{}", tree.stdout);
    let as_json = stage.gateway.cli(&["tree", "--json"]).json();
    assert_eq!(as_json["root"]["path"], "/root");
    let plugins = as_json["root"]["children"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["path"] == "/root/plugins");
    let instances = &plugins.unwrap()["children"][0];
    assert_eq!(instances["path"], "/root/plugins/instances");
    assert_eq!(
        instances["supervisor"]["budget_left"],
        json!(null),
        "it bears any number of restarts"
    );
    let served = stage.gateway.admin("/admin/v1/tree").await;
    assert_eq!(
        served.ok()["root"]["children"][0]["path"],
        as_json["root"]["children"][0]["path"]
    );
    assert_eq!(served.header("cache-control"), "no-store");

    let status = stage.gateway.cli(&["status"]);
    for name in ["version", "github-a", "github-b", "openai-a", "openai-b"] {
        assert!(status.ok().contains(name), "{name} in:\n{}", status.stdout);
    }
    let as_json = stage.gateway.cli(&["status", "--json"]).json();
    assert_eq!(
        (&as_json["accepting"], &as_json["calls"]["in_flight"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(as_json["providers"].as_array().unwrap().len(), 8);
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_on_request_is_done_and_recorded() {
    let stage = Stage::open(Setup::default()).await;
    let path = "/root/plugins/instances/github-a/provider";
    let restart = json!({"path": path, "reason": "a rotated credential"});
    stage
        .gateway
        .administer("/admin/v1/actors/restart", &restart)
        .await
        .ok();
    let entry = soon("the restart in the ledger", async || {
        let ledger = stage.gateway.admin("/admin/v1/ledger?limit=10").await.ok();
        ledger["entries"]
            .as_array()?
            .iter()
            .find(|entry| entry["path"] == path)
            .cloned()
    })
    .await;
    assert_eq!(
        (&entry["why"], &entry["text"]),
        (&json!("requested"), &json!("a rotated credential"))
    );
    stage.gateway.get("/v1/git/repos/github-a~acme/api").await.ok();

    for (body, status) in [
        (json!({"path": "/root/nobody", "reason": "r"}), 404),
        (json!({"path": path}), 400),
        (json!({"path": path, "reason": ""}), 400),
        (json!({"path": path, "reason": "r", "force": true}), 400),
    ] {
        stage
            .gateway
            .administer("/admin/v1/actors/restart", &body)
            .await
            .refused(status);
    }
    assert_eq!(
        stage.gateway.admin("/admin/v1/ledger?limit=0").await.refused(400),
        "invalid_input"
    );
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn administration_asks_for_its_token_and_probes_do_not() {
    // By a variable, because the file has its `[admin]` already.
    let env = [
        ("MOSAIC__ADMIN__TOKEN", "env:ADMIN"),
        ("ADMIN", "admin-token-of-the-test"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let stage = Stage::open(Setup {
        env,
        ..Setup::default()
    })
    .await;
    let at = |path: &str| format!("http://{}{path}", stage.gateway.admin);
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(stage.gateway.admin(path).await.status, 200, "{path}");
    }
    for headers in [
        &[][..],
        &[("authorization", "Bearer wrong")],
        &[("authorization", "Bearer ")],
    ] {
        let reply = stage.gateway.client.get_with(&at("/admin/v1/tree"), headers).await;
        assert_eq!(reply.refused(401), "unauthenticated");
    }
    let right = [("authorization", "Bearer admin-token-of-the-test")];
    stage.gateway.client.get_with(&at("/admin/v1/tree"), &right).await.ok();
    let page = [right[0], ("origin", "http://evil.example")];
    let reply = stage.gateway.client.get_with(&at("/admin/v1/tree"), &page).await;
    assert_eq!(reply.refused(403), "forbidden");

    assert_eq!(stage.gateway.cli(&["tree"]).code, Some(4));
    let token = stage.gateway.folder.path().join("token");
    std::fs::write(&token, "admin-token-of-the-test\n").expect("it is ours");
    stage
        .gateway
        .cli(&["tree", "--admin-token-file", token.to_str().unwrap()])
        .ok();
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_at_run_time_is_shown_and_told_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let setup = Setup {
        tables: format!("[state]\npath = \"{}\"\n", folder.path().join("state.db").display()),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let because = ["--reason", "a test", "--no-input", "--force", "--json"];
    let order = |words: &[&str]| stage.gateway.cli(&[words, &because].concat()).json();
    order(&["plugins", "remove", "github-b"]);
    let file = folder.path().join("late.toml");
    let table = "kind = \"github\"\nbase_url = \"http://127.0.0.1:1\"\nhealth_check = false\n";
    std::fs::write(&file, table).expect("it is ours");
    order(&["plugins", "add", "late", "--file", &file.display().to_string()]);
    let now = order(&["log", "--filter", "warn", "--for", "1h"]);
    assert_eq!(now["filter"], "warn", "{now}");
    assert_ne!(now["configured"], "warn", "{now}");

    let shown = stage.gateway.cli(&["config", "show", "--json"]).json();
    let setting = |path: &str| {
        let settings = shown["settings"].as_array().expect("a list");
        settings
            .iter()
            .find(|setting| setting["path"] == path)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(setting("providers.late.kind")["source"], "run_time", "{shown}");
    assert_eq!(setting("log.filter")["value"], "warn", "{shown}");
    assert_eq!(setting("providers.github-a.kind")["source"], "file", "{shown}");
    assert_eq!(setting("providers.github-b.kind"), json!(null), "{shown}");
    assert!(
        setting("providers.github-a.token")["value"]
            .as_str()
            .is_some_and(|token| token.starts_with("env:"))
    );
    assert_eq!(stage.gateway.admin("/admin/v1/config").await.ok(), shown);

    let config = stage.gateway.config();
    for command in ["check", "doctor"] {
        let told = crate::harness::process::run(&[command, "--config", &config], stage.gateway.env());
        for sentence in [
            "providers.late was added at run time",
            "providers.github-b stands in the configuration",
        ] {
            assert!(
                told.stdout.contains(sentence),
                "{command}: {sentence} in {}",
                told.stdout
            );
        }
    }
    let tree = stage.gateway.cli(&["tree", "--json"]).json();
    assert!(tree["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{tree}");
    let shown = stage.gateway.cli(&["plugins", "list"]);
    assert!(
        shown.ok().starts_with("NAME ") && shown.stdout.contains("BREAKER"),
        "{}",
        shown.stdout
    );
    let audit = stage.gateway.cli(&["audit"]);
    assert!(audit.ok().contains("a test"), "{}", audit.stdout);
    stage.close().await.ok();
}
