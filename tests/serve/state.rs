//! State that outlives its process: unknown outcomes, damage, backup and restore.

use http::Method;
use mosaic::sandbox::{Effect, Fault};
use serde_json::json;

use crate::harness::{Gateway, Setup, Stage, configuration, credentials, process, sandbox, soon};

const ISSUES: &str = "/repos/acme/api/issues";

fn posts(sandbox: &mosaic::sandbox::Sandbox) -> u64 {
    let forges = ["github-a", "github-b"].map(|name| sandbox.server(name).expect("one of the pair"));
    forges
        .iter()
        .map(|forge| forge.requests().arrived(&Method::POST, ISSUES))
        .sum()
}

async fn create(gateway: &Gateway, key: &str) -> crate::harness::http::Reply {
    let url = format!("http://{}/v1/projects/issues", gateway.public);
    let issue = json!({"project": "acme/api", "title": "Once"});
    gateway.client.post(&url, &issue, &[("idempotency-key", key)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_a_keys_outcome_is_unknown_until_an_operator_decides() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let setup = Setup {
        tables: format!("[state]\npath = \"{}\"\n", folder.path().join("state.db").display()),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    for name in ["github-a", "github-b"] {
        let slow = Fault::new(Effect::Latency {
            ms: 20_000,
            jitter_ms: 0,
        });
        stage.server(name).faults().add(slow).expect("a sound fault");
    }
    let url = format!("http://{}/v1/projects/issues", stage.gateway.public);
    let client = crate::harness::http::Client::new();
    let first = tokio::spawn(async move {
        let issue = json!({"project": "acme/api", "title": "Once"});
        client
            .0
            .post(&url)
            .json(&issue)
            .header("idempotency-key", "k")
            .send()
            .await
            .is_ok()
    });
    soon("the write arrives", async || (posts(&stage.sandbox) == 1).then_some(())).await;
    stage.gateway.program.signal("KILL");
    assert!(!first.await.expect("it does not panic"));
    stage.gateway.program.ended();
    for name in ["github-a", "github-b"] {
        stage.server(name).faults().clear();
    }

    let text = std::fs::read_to_string(stage.gateway.config()).expect("it is there");
    let next = Gateway::serve(&text, stage.gateway.env().to_vec()).await;
    let refused = create(&next, "k").await;
    assert_eq!(refused.refused(409), "conflict");
    let told = refused.json();
    assert_eq!(
        (&told["retryable"], &told["field"]),
        (&json!(false), &json!("idempotency_key"))
    );
    assert!(
        told["detail"].as_str().expect("a sentence").contains("unknown"),
        "{told}"
    );
    assert_eq!(told["outcome"], "unknown");
    assert_eq!(posts(&stage.sandbox), 1);

    let listed = next.cli(&["keys", "list", "--in-doubt", "--json"]).json();
    let row = &listed["keys"][0];
    let facts = ["key", "operation", "state"].map(|fact| &row[fact]);
    assert_eq!(facts, ["k", "projects.issue.create", "in_doubt"]);
    assert!(row["age_ms"].is_u64() && row["expires_at"].is_string(), "{row}");

    let release = [
        "keys",
        "release",
        "k",
        "--operation",
        "projects.issue.create",
        "--force",
        "--json",
    ];
    let because = ["--reason", "it is not there", "--tenant"];
    let by = |tenant| next.cli(&[&release[..], &because[..], &[tenant]].concat());
    assert_ne!(by("another").code, Some(0));
    assert_eq!(create(&next, "k").await.refused(409), "conflict");
    let tenant = soon("a tenant", async || {
        let quotas = next.admin("/admin/v1/quotas").await.ok();
        Some(quotas["tenants"][0]["tenant"].as_str()?.to_owned())
    })
    .await;
    by(&tenant).ok();
    create(&next, "k").await.ok();
    assert_eq!(posts(&stage.sandbox), 2);
    let audit = next.admin("/admin/v1/audit").await.ok();
    assert!(audit.to_string().contains("idempotency.release"), "{audit}");
    next.program.signal("TERM");
    next.program.ended().ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_alone_serves_with_a_state_and_others_only_look_at_it() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("state.db");
    let linked = folder.path().join("linked.db");
    let setup = Setup {
        tables: format!("[state]\npath = \"{}\"\n", path.display()),
        ..Setup::default()
    };
    let sandbox = sandbox().await;
    let (text, env) = (configuration(&sandbox, &setup), credentials(&sandbox, &setup));
    let first = Gateway::serve(&text, env.clone()).await;
    create(&first, "k").await.ok();
    std::os::unix::fs::symlink(&path, &linked).expect("the folder is ours");

    // By whatever name, and whoever asks: what it does not take it does not disturb.
    for name in [&path, &linked] {
        let config = folder.path().join("second.toml");
        let other = text.replace(&path.display().to_string(), &name.display().to_string());
        std::fs::write(&config, other).expect("it is ours");
        let run = |args: &[&str]| process::run(&[args, &["--config", config.to_str().expect("plain")]].concat(), &env);
        let refused = run(&["serve"]);
        assert_ne!(refused.code, Some(0));
        let told = &refused.stderr;
        assert!(told.contains("another process serves"), "{told}");
        assert!(told.contains(&name.display().to_string()), "{told}");
        run(&["check"]).ok();
        run(&["git", "repo", "get", "acme/api", "--local", "--json"]).json();
        let copy = format!("{}.copy", name.display());
        run(&["state", "backup", &copy, "--json"]).ok();
        let used = run(&["state", "restore", &copy]);
        assert!(
            used.code != Some(0) && used.stderr.contains("in use"),
            "{}",
            used.stderr
        );
    }
    first.cli(&["keys", "list", "--json"]).ok();
    assert_eq!(create(&first, "k").await.header("idempotency-replayed"), "true");

    // The lock ends with its process, however that ends.
    first.program.signal("KILL");
    first.program.ended();
    let next = Gateway::serve(&text, env.clone()).await;
    create(&next, "k").await.ok();
    assert_eq!(posts(&sandbox), 1);
    next.program.signal("TERM");
    next.program.ended().ok();
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_refused_by_all_and_a_backup_made_while_serving_mends_it() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("state.db");
    let copy = folder.path().join("copy.db").display().to_string();
    let setup = Setup {
        tables: format!("[state]\npath = \"{}\"\n", path.display()),
        ..Setup::default()
    };
    let sandbox = sandbox().await;
    let (text, env) = (configuration(&sandbox, &setup), credentials(&sandbox, &setup));
    let gateway = Gateway::serve(&text, env.clone()).await;
    let config = gateway.config();
    let run = |args: &[&str]| process::run(&[args, &["--config", &config]].concat(), &env);
    let first = create(&gateway, "k").await.ok();
    run(&["state", "backup", &copy, "--json"]).ok();
    let used = run(&["state", "restore", &copy]);
    assert_ne!(used.code, Some(0));
    assert!(used.stderr.contains("in use"), "{}", used.stderr);
    assert_ne!(
        run(&["state", "backup", &copy]).code,
        Some(0),
        "a backup overwrites nothing"
    );
    gateway.program.signal("TERM");
    gateway.program.ended().ok();

    let sound = std::fs::read(&path).expect("it is there");
    for damaged in [vec![], sound[..sound.len() / 2].to_vec(), vec![0x5a; sound.len()]] {
        std::fs::write(&path, &damaged).expect("it is ours");
        for command in ["check", "serve", "doctor"] {
            let refused = run(&[command]);
            assert_ne!(refused.code, Some(0), "{command}");
            let words = format!("{}{}", refused.stdout, refused.stderr);
            assert!(
                words.contains("damaged") && words.contains("mosaic state restore"),
                "{command}: {words}"
            );
        }
        let restored = run(&["state", "restore", &copy, "--json"]).json();
        let kept = restored["replaced"].as_str().expect("what was there is kept");
        assert!(std::fs::read(kept).expect("it is there") == damaged);
    }
    run(&["check"]).ok();
    let again = Gateway::serve(&text, env.clone()).await;
    let replayed = create(&again, "k").await;
    assert_eq!(
        (replayed.header("idempotency-replayed"), replayed.ok()),
        ("true", first)
    );
    assert_eq!(posts(&sandbox), 1);
    again.program.signal("TERM");
    again.program.ended().ok();
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_store_delays_no_keyed_write_and_shows_in_readiness_until_it_is_free() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("state.db");
    let stage = Stage::open(Setup {
        tables: format!("[state]\npath = \"{}\"\nacquire_timeout = \"1s\"\n", path.display()),
        ..Setup::default()
    })
    .await;
    let other = sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(&path));
    let other = other.await.expect("it opens");
    let lock = other.begin_with("BEGIN IMMEDIATE").await.expect("nobody holds it");
    let url = format!("http://{}/v1/projects/issues?timeout_ms=300", stage.gateway.public);
    let issue = json!({"project": "acme/api", "title": "Once"});
    let began = std::time::Instant::now();
    let refused = stage
        .gateway
        .client
        .post(&url, &issue, &[("idempotency-key", "k")])
        .await;
    assert_eq!(refused.refused(504), "timeout");
    assert!(
        began.elapsed() < std::time::Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    let ready = async || stage.gateway.admin("/readyz?verbose").await;
    let told = soon("it is not ready", async || {
        Some(ready().await).filter(|ready| ready.status == 503)
    })
    .await;
    assert!(told.text.contains("locked"), "{}", told.text);
    drop(lock);
    other.close().await;
    soon("it is ready again", async || {
        Some(ready().await).filter(|ready| ready.status == 200)
    })
    .await;
    // What was refused was not sent, and its key is free.
    assert_eq!(posts(&stage.sandbox), 0);
    soon("the key is free", async || {
        Some(create(&stage.gateway, "k").await).filter(|reply| reply.status == 200)
    })
    .await;
    assert_eq!(posts(&stage.sandbox), 1);
    stage.close().await.ok();
}
