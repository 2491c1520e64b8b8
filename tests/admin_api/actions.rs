//! Every view, every action, with and without a reason, dry and real; and what the audit has of it.

use std::sync::Arc;

use mosaic::Mosaic;
use mosaic::config::LogConfig;
use mosaic::telemetry::init_logging;
use serde_json::{Value, json};

use crate::stage::{Stage, config, orders, two_at, upstream};

#[tokio::test]
async fn every_view_answers() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    let tree = stage.view("/tree").await;
    assert_eq!(tree["root"]["path"], "/root");
    for field in [
        "state",
        "in_state_ms",
        "restarts",
        "next_retry_ms",
        "last_crash",
        "mailbox",
        "supervisor",
    ] {
        assert!(tree["root"].get(field).is_some(), "{field}");
    }
    assert!(tree["root"]["supervisor"]["budget_left"].is_u64());
    assert!(stage.view("/ledger").await["entries"].is_array());
    let status = stage.view("/status").await;
    assert_eq!(
        (&status["accepting"], &status["config"]["invalid"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(status["health"]["unknown"], 2, "health checks are off");
    let plugins = stage.view("/plugins").await;
    let plugin = &plugins["plugins"][0];
    assert_eq!(
        (&plugin["name"], &plugin["life"], &plugin["source"]),
        (&json!("a"), &json!("running"), &json!("configuration"))
    );
    assert_eq!(plugin["config"], json!({"valid": true, "why": null}));
    assert_eq!(
        (&plugin["health"]["state"], &plugin["traffic"]["outcome"]),
        (&json!("unknown"), &json!("none_yet"))
    );
    assert_eq!(stage.plugin("b").await["name"], "b");
    assert_eq!(stage.get("/plugins/none").await.0, 404);
    let breakers = stage.view("/breakers").await;
    assert_eq!(
        breakers["breakers"][1],
        json!({"name": "b", "state": "closed", "consecutive_failures": 0, "openings": 0, "retry_in_ms": null, "why": null})
    );
    assert!(stage.view("/caches").await["l1"]["max_bytes"].is_u64());
    assert!(stage.view("/quotas").await["tenants"].is_array());
    assert_eq!(
        stage.view("/calls").await,
        json!({"in_flight": 0, "listeners": 0, "calls": [], "finished": []})
    );
    assert_eq!(stage.view("/audit").await, json!({"entries": [], "next_before": null}));
    assert_eq!(stage.view("/log").await, json!({"installed": false}));
    let (status, problem) = stage.get("/tree?depth=3").await;
    assert_eq!((status, &problem["field"]), (400, &json!("depth")));
    for path in ["/tree", "/calls", "/plugins/a", "/audit"] {
        assert_eq!(stage.post(path, json!({})).await.0, 405, "{path}");
    }
    stage.stop().await;
}

#[tokio::test]
async fn a_call_in_flight_shows_without_its_payload_and_its_traffic_apart() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    let call = stage.slow_call();
    let calls = stage
        .until("it asks", "/calls", |view| view["calls"][0]["provider"] == "a")
        .await;
    let shown = &calls["calls"][0];
    assert_eq!(
        (&shown["operation"], &shown["phase"], &shown["attempts"]),
        (&json!("git.repo.get"), &json!("call"), &json!(1))
    );
    assert!(!calls.to_string().contains("slow"), "the resource is the caller's own");
    let preview = stage
        .post("/plugins/a/drain?dry_run=true", json!({"reason": "r"}))
        .await
        .1;
    assert_eq!(preview["touches"]["calls_in_flight"], 1);
    assert_eq!(stage.plugin("a").await["traffic"]["in_flight"], 1);
    call.abort();
    stage
        .until("it is gone", "/calls", |view| view["calls"] == json!([]))
        .await;
    stage.stop().await;
}

#[tokio::test]
async fn no_order_is_obeyed_without_a_reason_or_with_a_field_too_many() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    for (path, body) in orders() {
        for reason in [
            Value::Null,
            json!(""),
            json!("  "),
            json!("a\nb"),
            json!("x".repeat(501)),
            json!(1),
        ] {
            let mut body = body.clone();
            body["reason"] = reason;
            let (status, problem) = stage.post(path, body).await;
            assert_eq!((status, &problem["field"]), (400, &json!("reason")), "{path}");
        }
        let mut odd = body.clone();
        odd["reason"] = json!("r");
        odd["force"] = json!(true);
        let (status, problem) = stage.post(path, odd).await;
        assert_eq!((status, &problem["field"]), (400, &json!("force")), "{path}");
        assert_eq!(
            stage.get(path).await.0,
            if matches!(path, "/plugins" | "/log") { 200 } else { 405 },
            "{path}"
        );
    }
    assert_eq!(stage.view("/audit").await["entries"], json!([]), "nothing was done");
    stage.stop().await;
}

/// Everything that an order could have changed.
async fn standing(stage: &Stage) -> Value {
    let plugins = stage.view("/plugins").await;
    let plugins: Vec<_> = plugins["plugins"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|plugin| {
            json!([
                plugin["name"],
                plugin["life"],
                plugin["revision"],
                plugin["accepting"],
                plugin["traffic"]["breaker"]["state"]
            ])
        })
        .collect();
    let restarts = stage.view("/tree").await["root"]["restarts"].clone();
    json!([
        plugins,
        restarts,
        stage.view("/audit").await,
        stage.view("/status").await["accepting"]
    ])
}

#[tokio::test]
async fn a_dry_run_tells_what_it_touches_and_touches_nothing() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    let before = standing(&stage).await;
    for (path, mut body) in orders().into_iter().filter(|(path, _)| *path != "/log") {
        body["reason"] = json!("r");
        let (status, preview) = stage.post(&format!("{path}?dry_run=true"), body).await;
        assert_eq!((status, &preview["dry_run"]), (200, &json!(true)), "{path}: {preview}");
        let touched = preview["touches"]["plugins"].as_array().expect("a list");
        let expected = match path {
            "/gateway/drain" | "/caches/purge" => vec![],
            "/plugins" => vec![json!("c")],
            _ => vec![json!("a")],
        };
        assert_eq!(*touched, expected, "{path}");
    }
    let stop = stage
        .post("/plugins/a/stop?dry_run=true", json!({"reason": "r"}))
        .await
        .1;
    let paths = json!([
        "/root/plugins/instances/a",
        "/root/plugins/instances/a/breaker",
        "/root/plugins/instances/a/provider"
    ]);
    assert_eq!(stop["touches"]["actors"], paths);
    assert_eq!(standing(&stage).await, before);
    stage.stop().await;
}

#[tokio::test]
async fn every_action_acts_and_is_audited() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    let table = json!({"kind": "github", "base_url": url, "health_check": false});

    let added = stage.order("/plugins", json!({"name": "c", "provider": table})).await;
    assert_eq!((&added["done"], &added["kept"]), (&json!("plugin.add"), &json!(false)));
    let c = stage.plugin("c").await;
    assert_eq!((&c["life"], &c["source"]), (&json!("running"), &json!("document")));
    stage.order("/plugins/c/update", json!({"provider": table})).await;
    stage.order("/plugins/c/update", json!({})).await;
    assert_eq!(stage.plugin("c").await["revision"], 3);

    stage.order("/plugins/c/drain", json!({})).await;
    assert_eq!(stage.plugin("c").await["accepting"], false);
    stage.order("/plugins/c/start", json!({})).await;
    assert_eq!(stage.plugin("c").await["accepting"], true);
    stage.order("/plugins/c/stop", json!({})).await;
    assert_eq!(stage.plugin("c").await["life"], "stopped");
    let (status, problem) = stage.post("/plugins/c/drain", json!({"reason": "r"})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")));
    stage.order("/plugins/c/start", json!({})).await;

    stage.order("/breakers/c/force-open", json!({})).await;
    assert_eq!(stage.view("/breakers").await["breakers"][2]["state"], "forced_open");
    stage.order("/breakers/c/reset", json!({})).await;
    assert_eq!(stage.view("/breakers").await["breakers"][2]["state"], "closed");
    assert_eq!(stage.post("/breakers/none/reset", json!({"reason": "r"})).await.0, 404);

    let path = format!("{}/provider", stage.plugin("c").await["path"].as_str().expect("a path"));
    let state = |view: &Value| find(&view["root"], &path).expect("it is in the tree")["state"].clone();
    stage.order("/actors/restart", json!({"path": path})).await;
    stage.order("/actors/stop", json!({"path": path})).await;
    assert_eq!(state(&stage.view("/tree").await), "stopped");
    stage.order("/actors/start", json!({"path": path})).await;
    assert_eq!(state(&stage.view("/tree").await), "running");
    assert_eq!(
        stage
            .post("/actors/restart", json!({"path": "/root", "reason": "r"}))
            .await
            .0,
        409
    );
    assert_eq!(
        stage
            .post("/actors/stop", json!({"path": "/root/none", "reason": "r"}))
            .await
            .0,
        404
    );

    stage.order("/plugins/c/remove", json!({})).await;
    assert_eq!(stage.get("/plugins/c").await.0, 404);
    let (status, problem) = stage.post("/log", json!({"filter": "debug", "reason": "r"})).await;
    assert_eq!((status, &problem["code"]), (501, &json!("unsupported")));
    stage.order("/gateway/drain", json!({})).await;
    stage
        .until("it drains", "/status", |status| status["accepting"] == false)
        .await;

    let audit = stage.view("/audit?limit=1000").await;
    let entries = audit["entries"].as_array().expect("a list");
    let actions: Vec<&str> = entries
        .iter()
        .rev()
        .map(|entry| entry["action"].as_str().expect("text"))
        .collect();
    let expected = [
        "plugin.add",
        "plugin.update",
        "plugin.update",
        "plugin.drain",
        "plugin.start",
        "plugin.stop",
        "plugin.drain",
        "plugin.start",
        "breaker.force_open",
        "breaker.reset",
        "actor.restart",
        "actor.stop",
        "actor.start",
        "plugin.remove",
        "gateway.drain",
    ];
    let twice: Vec<&str> = expected.into_iter().flat_map(|action| [action, action]).collect();
    assert_eq!(actions, twice, "each when it begins, and when it ends");
    for pair in entries.rchunks(2) {
        let (ended, begun) = (&pair[0], &pair[1]);
        assert_eq!(
            (&begun["outcome"], &begun["identity"]),
            (&json!("begun"), &json!("loopback"))
        );
        let refused = begun["detail"]["reason"] == "r";
        assert_eq!(ended["outcome"], if refused { "conflict" } else { "ok" }, "{ended}");
        assert!(refused || begun["detail"]["reason"] == "a rehearsal");
    }
    let page = stage.view("/audit?limit=4").await;
    let next = page["next_before"].as_i64().expect("there is more");
    assert_eq!(
        stage.view(&format!("/audit?limit=1&before={next}")).await["entries"][0]["seq"],
        next - 1
    );
    stage.stop().await;
}

fn find<'a>(node: &'a Value, path: &str) -> Option<&'a Value> {
    if node["path"] == path {
        return Some(node);
    }
    node["children"].as_array()?.iter().find_map(|child| find(child, path))
}

#[tokio::test]
async fn a_table_is_checked_as_the_configuration_is() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    let cases = [
        (json!({"kind": "githup"}), "providers.c.kind", json!("github")),
        (
            json!({"kind": "github", "bsae_url": url}),
            "providers.c.bsae_url",
            json!("base_url"),
        ),
        (
            json!({"kind": "github", "token": "planted-secret-77"}),
            "providers.c.token",
            Value::Null,
        ),
        (
            json!({"kind": "github", "token": "env:MOSAIC_TEST_NOT_SET"}),
            "providers.c.token",
            Value::Null,
        ),
        (
            json!({"kind": "github", "max_in_flight": 0}),
            "providers.c.max_in_flight",
            Value::Null,
        ),
        (json!({"base_url": url}), "providers.c.kind", Value::Null),
    ];
    for (table, field, suggestion) in cases {
        for dry in ["", "?dry_run=true"] {
            let body = json!({"name": "c", "provider": table, "reason": "r"});
            let (status, problem) = stage.post(&format!("/plugins{dry}"), body).await;
            assert_eq!(status, 400, "{table}");
            let error = &problem["errors"][0];
            assert_eq!(
                (&error["field"], error.get("suggestion").unwrap_or(&Value::Null)),
                (&json!(field), &suggestion),
                "{problem}"
            );
            assert!(!problem.to_string().contains("planted-secret"), "{problem}");
        }
    }
    let named = json!({"name": "No Name", "provider": {"kind": "github"}, "reason": "r"});
    assert_eq!(stage.post("/plugins", named).await.0, 400);
    let again = json!({"name": "a", "provider": {"kind": "github"}, "reason": "r"});
    assert_eq!(stage.post("/plugins", again).await.0, 409);
    assert_eq!(stage.get("/plugins/c").await.0, 404);
    stage.stop().await;
}

#[tokio::test]
async fn a_log_filter_for_a_while_ends_by_itself() {
    let quiet = LogConfig {
        filter: "off".to_owned(),
        ..LogConfig::default()
    };
    let (log, _flush) = init_logging(&quiet).expect("no other test installs a log");
    let log = Arc::new(log);
    let (_upstream, url) = upstream().await;
    let gateway = Mosaic::builder(config(&two_at(&url)))
        .log(log)
        .start()
        .await
        .expect("it starts");
    let stage = Stage::on(gateway).await;
    let done = stage
        .order("/log", json!({"filter": "mosaic=error", "for_ms": 300}))
        .await;
    assert_eq!(done["filter"], "mosaic=error");
    stage
        .until("the configured filter is back", "/log", |log| {
            log["filter"] == "off" && log["for_ms"].is_null()
        })
        .await;
    stage.order("/log", json!({"filter": "error"})).await;
    let log = stage.view("/log").await;
    assert_eq!(
        (&log["filter"], &log["configured"], &log["for_ms"]),
        (&json!("error"), &json!("off"), &Value::Null)
    );
    for (body, field) in [
        (json!({"filter": "=/=", "reason": "r"}), "filter"),
        (json!({"filter": "", "reason": "r"}), "filter"),
        (json!({"filter": "info", "for_ms": 0, "reason": "r"}), "for_ms"),
    ] {
        let (status, problem) = stage.post("/log", body).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)));
    }
    stage.stop().await;
}
