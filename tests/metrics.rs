//! `/metrics` after every kind of traffic.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use harness::tools::tool;
use harness::{Setup, Stage, soon};
use mosaic::sandbox::{Effect, Fault};
use serde_json::json;

/// Families that dashboards and alerts are made of.
const EXPECTED: [&str; 48] = [
    "mosaic_actor_mailbox_depth",
    "mosaic_actor_restarts_total",
    "mosaic_actors",
    "mosaic_attempt_duration_seconds",
    "mosaic_attempts_in_flight",
    "mosaic_attempts_limit",
    "mosaic_attempts_paced_total",
    "mosaic_attempts_shed_total",
    "mosaic_attempts_total",
    "mosaic_attempts_waiting",
    "mosaic_breaker_class_opened_total",
    "mosaic_breaker_class_state",
    "mosaic_breaker_opened_total",
    "mosaic_breaker_state",
    "mosaic_build_info",
    "mosaic_cache_entries",
    "mosaic_cache_fills_total",
    "mosaic_cache_invalidated_total",
    "mosaic_cache_requests_total",
    "mosaic_cache_revalidated_total",
    "mosaic_call_duration_seconds",
    "mosaic_calls_in_flight",
    "mosaic_calls_total",
    "mosaic_collected_bytes",
    "mosaic_collected_refused_total",
    "mosaic_failovers_total",
    "mosaic_hedges_total",
    "mosaic_hedges_won_total",
    "mosaic_http_connections",
    "mosaic_http_connections_ended_total",
    "mosaic_http_connections_refused_total",
    "mosaic_http_requests_total",
    "mosaic_max_attempts_in_flight",
    "mosaic_max_calls_in_flight",
    "mosaic_phase_duration_seconds",
    "mosaic_provider_ejected",
    "mosaic_provider_ejections_total",
    "mosaic_provider_rate_limit_limit",
    "mosaic_provider_rate_limit_remaining",
    "mosaic_provider_rate_limit_reset_timestamp_seconds",
    "mosaic_refused_total",
    "mosaic_retries_refused_total",
    "mosaic_retries_total",
    "mosaic_tls_handshakes_failed_total",
    "mosaic_webhook_deliveries_total",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_resident_memory_bytes",
];

/// Labels, each of which has few values.
const LABELS: [&str; 19] = [
    "bound",
    "class",
    "code",
    "direction",
    "kind",
    "le",
    "listener",
    "operation",
    "phase",
    "priority",
    "provider",
    "reason",
    "resource",
    "result",
    "rule",
    "state",
    "status",
    "tier",
    "version",
];

/// Hits, misses, writes, streams, refusals, failovers, an open circuit, a restart.
async fn traffic(stage: &Stage) {
    let gateway = &stage.gateway;
    let bearer = [("authorization", "Bearer key-of-tenant-zebra")];
    let at = |path: &str| format!("http://{}{path}", gateway.public);
    for path in [
        "/v1/git/repos/acme/api",
        "/v1/git/repos/acme/api",
        "/v1/git/repos/acme/unheard-of",
        "/v1/git/repos?provider=all",
    ] {
        gateway.client.get_with(&at(path), &bearer).await;
    }
    let issue = json!({"project": "acme/api", "title": "T"});
    gateway
        .client
        .post(&at("/v1/projects/issues"), &issue, &bearer)
        .await
        .ok();
    let chat = json!({"model": "sandbox-small", "prompt": "p"});
    gateway.client.post(&at("/v1/ai/chat/stream"), &chat, &bearer).await;
    stage
        .server("github-a")
        .faults()
        .add(Fault::new(Effect::Error { status: 503 }))
        .expect("a sound fault");
    for _ in 0..12 {
        gateway
            .client
            .get_with(&at("/v1/git/repos/acme/api?no_cache=true"), &bearer)
            .await
            .ok();
    }
    gateway.get("/v1/git/repos/acme/api").await.refused(401);
    soon("the limit of the tenant", async || {
        let reply = gateway.client.get_with(&at("/v1/git/repos/acme/web"), &bearer).await;
        (reply.status == 429).then_some(())
    })
    .await;
    let restart = json!({"path": "/root/plugins/instances/github-b/provider", "reason": "a rehearsal"});
    gateway.administer("/admin/v1/actors/restart", &restart).await.ok();
}

fn setup() -> Setup {
    Setup {
        tables: "[keys.k]\ntenant = \"zebra\"\nkey = \"env:KEY\"\n[tenants.zebra]\nrate_per_second = 1\nburst = 40\n\
                 [defaults.breaker]\nper = \"cost_class\"\n"
            .to_owned(),
        env: vec![("KEY".to_owned(), "key-of-tenant-zebra".to_owned())],
        ..Setup::default()
    }
}

/// A sample's labels. None of our values holds a quote or a comma.
fn labels(line: &str) -> Vec<(&str, &str)> {
    let Some((_, rest)) = line.split_once('{') else {
        return vec![];
    };
    let (inside, _) = rest.rsplit_once('}').expect("a closing brace");
    let pairs = inside.split(',').map(|pair| pair.split_once('=').expect("a pair"));
    pairs.map(|(name, value)| (name, value.trim_matches('"'))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_complete_bounded_and_well_formed() {
    let stage = Stage::open(setup()).await;
    traffic(&stage).await;
    let text = stage.gateway.admin("/metrics").await.text;

    let types: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    for family in EXPECTED {
        assert!(types.contains_key(family), "{family} is missing in\n{text}");
    }
    for (family, kind) in &types {
        assert!(
            family.starts_with("mosaic_") || family.starts_with("process_"),
            "{family}"
        );
        assert_eq!(*kind == "counter", family.ends_with("_total"), "{family} is a {kind}");
        assert!(text.contains(&format!("# HELP {family} ")), "{family} has no help");
    }
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in samples.flat_map(labels) {
        values.entry(name).or_default().insert(value);
    }
    for (name, values) in &values {
        assert!(
            LABELS.contains(name),
            "a label that nobody bounds: {name} in {values:?}"
        );
        for value in values {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_.+-".contains(c);
            assert!(value.chars().all(plain), "{name}={value:?}");
            for private in ["zebra", "acme", "unheard", "sandbox-small", "key-of"] {
                assert!(!value.contains(private), "{name}={value:?}");
            }
        }
    }
    assert_eq!(values["provider"].len(), 8, "{:?}", values["provider"]);
    let nonzero = |sample: &str| {
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(sample)?.trim().parse::<f64>().ok());
        assert!(value.is_some_and(|value| value > 0.0), "{sample} {value:?} in\n{text}");
    };
    nonzero(r#"mosaic_calls_total{operation="git.repo.get",code="not_found"}"#);
    nonzero(r#"mosaic_attempts_total{provider="github-a",code="upstream_failed"}"#);
    nonzero(r#"mosaic_breaker_opened_total{provider="github-a"}"#);
    nonzero(r#"mosaic_breaker_class_opened_total{provider="github-a",class="read"}"#);
    nonzero(r#"mosaic_attempts_limit{provider="github-a"}"#);
    nonzero(r#"mosaic_actor_restarts_total{kind="provider",reason="requested"}"#);
    nonzero(r#"mosaic_retries_total{provider="github-a"}"#);
    nonzero(r#"mosaic_max_attempts_in_flight{provider="github-a"}"#);
    nonzero(r#"mosaic_provider_rate_limit_limit{provider="github-a",resource="core"}"#);
    nonzero(r#"mosaic_provider_rate_limit_remaining{provider="github-a",resource="core"}"#);
    nonzero(r#"mosaic_provider_rate_limit_reset_timestamp_seconds{provider="github-a",resource="core"}"#);
    nonzero("mosaic_max_calls_in_flight");
    nonzero("process_resident_memory_bytes");
    // Known beforehand, so that its first increase is seen as one.
    assert!(text.contains(r#"mosaic_attempts_total{provider="github-b",code="upstream_auth"} 0"#));
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_own_checker_has_nothing_to_say() {
    let on_path = || {
        std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|folder| folder.join("promtool"))
            .find(|file| file.exists())
    };
    let Some(promtool) = std::env::var_os("MOSAIC_PROMTOOL")
        .map(Into::into)
        .or_else(on_path)
        .or_else(|| tool("MOSAIC_PROMTOOL"))
    else {
        return;
    };
    let stage = Stage::open(setup()).await;
    traffic(&stage).await;
    let text = stage.gateway.admin("/metrics").await.text;
    let mut checker = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool");
    checker
        .stdin
        .take()
        .expect("piped")
        .write_all(text.as_bytes())
        .expect("it reads");
    let said = checker.wait_with_output().expect("a child of ours");
    let words = [said.stdout, said.stderr].concat();
    assert!(
        said.status.success() && words.is_empty(),
        "{}",
        String::from_utf8_lossy(&words)
    );
    stage.close().await.ok();
}
