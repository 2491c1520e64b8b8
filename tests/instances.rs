//! Walls: of two gateways in one process nothing that one does shows in the other, and what a tenant may not reach does
//! not exist for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mosaic::Mosaic;
use mosaic::catalogue::Op;
use mosaic::catalogue::git::{RepoGet, RepoGetInput, RepoList};
use mosaic::catalogue::projects::{IssueCreate, IssueCreateInput, IssueList};
use mosaic::config::Config;
use mosaic::dispatch::Options;
use mosaic::embed::{Builder, Typed};
use mosaic::sandbox::{Sandbox, SandboxConfig};
use mosaic::secret::Secret;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::gateway::Drained;
use serde_json::{Value, json};

/// A gateway in front of the sandbox's first forge, as an instance called `name`.
async fn gateway(sandbox: &Sandbox, name: &str) -> Mosaic {
    let forge = sandbox.server("github-a").expect("one of the default pair");
    let mut config = Config::default();
    let provider = json!({"kind": "github", "base_url": forge.base_url(), "health_check": false});
    let provider = serde_json::from_value(provider).expect("a provider");
    config.providers.insert(name.to_owned(), provider);
    let builder = Mosaic::builder(config).credential(name, Secret::new(forge.token()));
    builder.start().await.expect("a gateway")
}

async fn repo(gateway: &Mosaic) -> String {
    let input = RepoGetInput {
        repo: "acme/api".into(),
    };
    gateway
        .call::<RepoGet>(input)
        .await
        .expect("the sandbox has it")
        .value
        .id
        .clone()
}

async fn keyed_write(gateway: &Mosaic) -> u64 {
    let input: IssueCreateInput =
        serde_json::from_value(json!({"project": "acme/api", "title": "T"})).expect("an input");
    let options = Options {
        idempotency_key: Some("one-key-for-both".to_owned()),
        ..Options::default()
    };
    let issue = gateway
        .call_as::<IssueCreate>(input, Mosaic::local_caller(), options)
        .await
        .expect("an issue");
    issue.value.number.expect("GitHub numbers")
}

/// The value of a sample, by its whole name with labels.
fn sample(gateway: &Mosaic, name: &str) -> Option<f64> {
    gateway
        .metrics()
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_trees_ledgers_caches_and_states_are_apart() {
    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.expect("a sandbox");
    let (one, two) = (gateway(&sandbox, "one").await, gateway(&sandbox, "two").await);

    assert_eq!(repo(&one).await, "one~acme/api");
    let calls = r#"mosaic_calls_total{operation="git.repo.get",code="ok"}"#;
    assert_eq!((sample(&one, calls), sample(&two, calls)), (Some(1.0), None));
    assert!(!one.metrics().contains("\"two\"") && !two.metrics().contains("\"one\""));
    assert_eq!(repo(&two).await, "two~acme/api", "a cache of its own");
    assert_eq!(sandbox.server("github-a").expect("it is there").requests().total, 2);

    let crashed = r#"mosaic_actor_restarts_total{kind="provider",reason="panic"}"#;
    let path = "/root/plugins/instances/one/provider";
    one.system().tree().crash(path, "by the test").await.expect("it runs");
    let deadline = Instant::now() + Duration::from_secs(30);
    // Entered in the ledger when it crashes, counted when it is restarted.
    while sample(&one, crashed) != Some(1.0) {
        assert!(Instant::now() < deadline, "the restart is not counted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let [entry] = &one.ledger(10)[..] else {
        panic!("{:?}", one.ledger(10))
    };
    assert_eq!((&*entry.path, &*entry.text), (path, "by the test"));
    assert!(two.ledger(10).is_empty());
    assert_eq!(sample(&two, crashed), Some(0.0));
    let paths = |gateway: &Mosaic| -> Vec<Arc<str>> {
        gateway
            .tree()
            .root
            .walk()
            .iter()
            .map(|node| node.path.clone())
            .collect()
    };
    assert!(paths(&one).iter().any(|own| &**own == path) && !paths(&two).iter().any(|own| &**own == path));

    // The same key at each is a write at each, and a repetition at neither.
    let (first, second) = (keyed_write(&one).await, keyed_write(&two).await);
    assert_eq!(
        (second - first, keyed_write(&one).await, keyed_write(&two).await),
        (1, first, second)
    );

    assert_eq!(one.shutdown().await, Drained::Finished);
    assert!(!one.snapshot().accepting && two.snapshot().accepting);
    let input = RepoGetInput {
        repo: "acme/web".into(),
    };
    assert!(one.call::<RepoGet>(input.clone()).await.is_err());
    two.call::<RepoGet>(input).await.expect("the other lives on");
    two.shutdown().await;
    sandbox.shutdown().await;
}

/// Two forges and a tenant that may know of one, and of its code alone.
async fn walled(sandbox: &Sandbox) -> Mosaic {
    let mut config = Config::default();
    let mut credentials = vec![];
    for (name, server) in [("forge-a", "github-a"), ("forge-b", "github-b")] {
        let forge = sandbox.server(server).expect("it is there");
        let provider = json!({"kind": "github", "base_url": forge.base_url(), "health_check": false});
        let provider = serde_json::from_value(provider).expect("a provider");
        config.providers.insert(name.to_owned(), provider);
        credentials.push((name, Secret::new(forge.token())));
    }
    let walled = json!({"providers": ["forge-a"], "operations": ["git"]});
    let walled = serde_json::from_value(walled).expect("a tenant");
    config.tenants.insert("walled".to_owned(), walled);
    let builder = Mosaic::builder(config);
    let with = |builder: Builder, (name, secret)| builder.credential(name, secret);
    let builder = credentials.into_iter().fold(builder, with);
    builder.start().await.expect("a gateway")
}

async fn ask<O: Op>(
    gateway: &Mosaic,
    tenant: &str,
    input: Value,
    provider: Option<&str>,
) -> Result<Typed<O::Output>, Failure> {
    let request = gateway.request::<O>(serde_json::from_value(input).expect("an input"));
    let request = request.by(tenant, "test");
    match provider {
        Some(provider) => request.provider(provider).send().await,
        None => request.send().await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_may_not_reach_does_not_exist_for_it() {
    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.expect("a sandbox");
    let gateway = &walled(&sandbox).await;
    let repo = |id: &str| json!({"repo": id});
    let found = ask::<RepoGet>(gateway, "walled", repo("acme/api"), None).await;
    assert_eq!(found.expect("its one home").value.id, "forge-a~acme/api");
    // The other forge is refused in the words for one that is not there at all.
    for (name, nearest) in [
        ("forge-b", "; did you mean forge-a?"),
        ("forge-c", "; did you mean forge-a?"),
        ("nowhere", ""),
    ] {
        let told = |kind, failure: Option<Failure>| {
            let failure = failure.expect("it is beyond its reach");
            assert_eq!(
                (failure.kind, failure.message()),
                (kind, &*format!("no provider is called {name}{nearest}"))
            );
        };
        let by_id = ask::<RepoGet>(gateway, "walled", repo(&format!("{name}~acme/api")), None).await;
        told(Kind::NotFound, by_id.err());
        let by_name = ask::<RepoGet>(gateway, "walled", repo("acme/api"), Some(name)).await;
        told(Kind::InvalidInput, by_name.err());
        let listed = ask::<RepoList>(gateway, "walled", json!({}), Some(name)).await;
        told(Kind::InvalidInput, listed.err());
    }
    for provider in [None, Some("forge-a"), Some("all")] {
        let issues = ask::<IssueList>(gateway, "walled", json!({"project": "acme/api"}), provider).await;
        let refused = issues.expect_err("its operations are of another service");
        assert!(refused.unsent, "{refused}");
    }
    let all = ask::<RepoList>(gateway, "walled", json!({}), Some("all")).await;
    let all = &all.expect("those that it reaches").value.items;
    assert!(!all.is_empty() && all.iter().all(|repo| repo.id.starts_with("forge-a~")));
    assert_eq!(sandbox.server("github-b").expect("it is there").requests().total, 0);
    let seen = ask::<RepoGet>(gateway, "default", repo("forge-b~acme/api"), None).await;
    seen.expect("others reach it");
}
