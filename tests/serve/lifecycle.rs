//! From start to end: doors, probes, signals.

use std::time::Duration;

use mosaic::sandbox::{Effect, Fault};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::http::Reply;
use crate::harness::process::{Ended, Program};
use crate::harness::{Gateway, Setup, Stage, soon};

/// A repository that no cache holds.
const FRESH: &str = "/v1/git/repos/acme/api?no_cache=true";

#[tokio::test(flavor = "multi_thread")]
async fn probes_answer_and_ports_close_at_the_end() {
    let stage = Stage::open(Setup::default()).await;
    assert_eq!(stage.gateway.admin("/livez").await.status, 200);
    assert_eq!(stage.gateway.admin("/readyz").await.text, "ok\n");
    let (public, admin) = (stage.gateway.public, stage.gateway.admin);
    let ended = stage.close().await;
    ended.ok();
    for line in ended.stderr.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"] != "ERROR" && event["level"] != "WARN", "{line}");
    }
    for address in [public, admin] {
        assert!(TcpStream::connect(address).await.is_err(), "{address} is still open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_the_public_surface() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("key");
    std::fs::write(&file, "key-of-a-program-in-a-file\n").expect("it is ours");
    let tables = format!(
        "[keys.ci]\ntenant = \"local\"\nkey = \"env:KEY_CI\"\n[keys.app]\ntenant = \"acme\"\nkey = \"file:{}\"\n[tenants.acme]\nrate_per_second = 1\nburst = 2\n",
        file.display()
    );
    let env = vec![("KEY_CI".to_owned(), "key-of-the-pipeline".to_owned())];
    let stage = Stage::open(Setup {
        tables,
        env,
        ..Setup::default()
    })
    .await;
    let url = format!("http://{}{FRESH}", stage.gateway.public);
    for headers in [
        &[][..],
        &[("authorization", "Bearer key-of-the-pipelin")],
        &[("authorization", "Basic key-of-the-pipeline")],
        &[("x-api-key", "")],
    ] {
        let reply = stage.gateway.client.get_with(&url, headers).await;
        assert_eq!(reply.refused(401), "unauthenticated", "{headers:?}");
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
    }
    for headers in [
        [("authorization", "Bearer key-of-the-pipeline")],
        [("x-api-key", "key-of-a-program-in-a-file")],
    ] {
        stage.gateway.client.get_with(&url, &headers).await.ok();
    }
    assert_eq!(stage.gateway.get("/v1/openapi.json").await.ok()["openapi"], "3.1.0");

    assert_eq!(stage.gateway.cli(&["git", "repo", "get", "acme/api"]).code, Some(4));
    let by_file = ["git", "repo", "get", "acme/api", "--key-file", file.to_str().unwrap()];
    stage.gateway.cli(&by_file).ok();

    // Its own tenant has a limit, which the other does not feel.
    let limited = soon("the limit of acme", async || {
        let reply = stage
            .gateway
            .client
            .get_with(&url, &[("x-api-key", "key-of-a-program-in-a-file")])
            .await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    assert_eq!(limited.refused(429), "rate_limited");
    assert!(
        limited.header("retry-after").parse::<u64>().is_ok_and(|wait| wait >= 1),
        "{limited:?}"
    );
    stage
        .gateway
        .client
        .get_with(&url, &[("x-api-key", "key-of-the-pipeline")])
        .await
        .ok();
    stage.close().await.ok();
}

/// A call that has reached the sandbox, which delays its answer or keeps it for good.
async fn in_flight(stage: &Stage, effect: Effect) -> tokio::task::JoinHandle<Result<Reply, reqwest::Error>> {
    for name in ["github-a", "github-b"] {
        stage
            .server(name)
            .faults()
            .add(Fault::new(effect.clone()))
            .expect("a sound fault");
    }
    let (client, url) = (
        stage.gateway.client.0.clone(),
        format!("http://{}{FRESH}", stage.gateway.public),
    );
    let call = tokio::spawn(async move {
        let reply = client.get(url).send().await?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let text = reply.text().await?;
        Ok(Reply { status, headers, text })
    });
    soon("the call at the sandbox", async || {
        (stage.asked("github") > 0).then_some(())
    })
    .await;
    call
}

/// Readiness while the gateway ends: it must be seen as false.
async fn not_ready(stage: &Stage) {
    soon("/readyz to turn false", async || {
        (stage.gateway.admin("/readyz").await.status == 503).then_some(())
    })
    .await;
}

fn event(ended: &Ended, message: &str) -> Value {
    let events = ended
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found = events.filter(|event| event["msg"] == message);
    found
        .next()
        .unwrap_or_else(|| panic!("no event {message:?}: {ended:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_flight_is_answered_before_the_end() {
    let stage = Stage::open(Setup::default()).await;
    let call = in_flight(&stage, Effect::Latency { ms: 1500, jitter_ms: 0 }).await;
    stage.gateway.program.signal("TERM");
    not_ready(&stage).await;
    assert_eq!(
        stage.gateway.admin("/livez").await.status,
        200,
        "alive, though not ready"
    );
    assert!(stage.gateway.admin("/readyz?verbose").await.text.contains("draining"));
    soon("the public port to close", async || {
        TcpStream::connect(stage.gateway.public).await.err()
    })
    .await;
    let reply = call.await.expect("the test's own task").expect("an answer");
    assert_eq!(reply.ok()["path"], "acme/api");
    let ended = stage.gateway.program.ended();
    ended.ok();
    assert_eq!(event(&ended, "stopped")["fields"]["drained"], "Finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grace_keeps_the_doors_open_while_readiness_is_false() {
    let setup = Setup {
        server: "drain_grace = \"2s\"".to_owned(),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    stage.gateway.program.signal("TERM");
    not_ready(&stage).await;
    stage.gateway.get(FRESH).await.ok();
    stage.gateway.program.ended().ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_gets_its_reply_at_the_end_of_the_drain() {
    let setup = Setup {
        server: "drain_timeout = \"300ms\"".to_owned(),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let call = in_flight(&stage, Effect::Hang { processed: false }).await;
    stage.gateway.program.signal("TERM");
    let reply = call.await.expect("the test's own task").expect("a reply");
    assert_eq!(reply.refused(499), "cancelled");
    let ended = stage.gateway.program.ended();
    ended.ok();
    assert_eq!(event(&ended, "stopped")["fields"]["drained"], "Cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_ends_nothing() {
    let stage = Stage::open(Setup::default()).await;
    stage.gateway.program.signal("HUP");
    stage.gateway.program.line("that it changes nothing", |line| {
        line.contains("SIGHUP changes nothing").then_some(())
    });
    stage.gateway.get(FRESH).await.ok();
    stage.close().await.ok();
}

/// The program with what `ulimit` allows it, and two hundred connections that were served once and stay.
async fn limited(ulimit: &str) -> (Gateway, Vec<TcpStream>) {
    let config = "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n";
    let gateway = Gateway::serve_within(ulimit, config).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(gateway.public).await.expect("a connection");
        let request = b"GET /docs HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request).await.expect("written");
        idle.push(stream);
    }
    (gateway, idle)
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_are_raised_and_bound_the_connections() {
    let (gateway, _idle) = limited("-Sn 100").await;
    gateway.get("/v1/operations").await.ok();
    assert_eq!(gateway.admin("/livez").await.status, 200);

    let (gateway, _idle) = limited("-n 160").await;
    let refused = soon("a connection too many", async || {
        let reply = gateway.get("/v1/operations").await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    assert_eq!(refused.refused(503), "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(
        gateway.admin("/livez").await.status,
        200,
        "it has descriptors of its own"
    );
    let metrics = gateway.admin("/metrics").await.text;
    let count = "mosaic_http_connections_refused_total{listener=\"public\"} ";
    let count = metrics
        .split_once(count)
        .expect("counted")
        .1
        .lines()
        .next()
        .expect("a number");
    assert!(count.parse::<u64>().is_ok_and(|count| count > 0), "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tells_twice_does_not_wait() {
    let stage = Stage::open(Setup::default()).await;
    let call = in_flight(&stage, Effect::Hang { processed: false }).await;
    stage.gateway.program.signal("TERM");
    not_ready(&stage).await;
    stage.gateway.program.signal("TERM");
    assert_eq!(stage.gateway.program.ended().code, Some(130));
    assert!(call.await.expect("the test's own task").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_told() {
    let stage = Stage::open(Setup::default()).await;
    for (section, key, address) in [
        ("SERVER", "server.listen", stage.gateway.public),
        ("ADMIN", "admin.listen", stage.gateway.admin),
    ] {
        let config = stage.gateway.config();
        let mut env = stage.gateway.env().to_vec();
        env.push((format!("MOSAIC__{section}__LISTEN"), address.to_string()));
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let state = scratch.path().join("state.db");
        env.push(("MOSAIC__STATE__PATH".to_owned(), state.display().to_string()));
        let second = Program::start(&["serve", "--config", &config], &env).ended();
        assert_eq!(second.code, Some(5), "{second:#?}");
        let said = &second.stderr;
        assert!(said.contains(&format!("{key}: cannot listen on {address}")), "{said}");
        assert!(!state.exists(), "nothing was started for it: {said}");
        assert!(
            said.contains("Address already in use") && said.contains("hint: Another process"),
            "{said}"
        );
    }
    // The first has not noticed.
    stage.gateway.get(FRESH).await.ok();
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_log_and_a_deadline_by_variable() {
    let env = [
        ("MOSAIC__LOG__FORMAT", "human"),
        ("MOSAIC__SERVER__REQUEST_TIMEOUT", "400ms"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let stage = Stage::open(Setup {
        env,
        ..Setup::default()
    })
    .await;
    let call = in_flight(
        &stage,
        Effect::Latency {
            ms: 60_000,
            jitter_ms: 0,
        },
    );
    let call = tokio::time::timeout(Duration::from_secs(20), call.await)
        .await
        .expect("in time");
    let reply = call.expect("the test's own task").expect("an answer");
    assert_eq!(reply.refused(504), "timeout");
    let ended = stage.close().await;
    assert!(
        ended.stderr.contains(" INFO mosaic::program: serving public="),
        "{}",
        ended.stderr
    );
}
