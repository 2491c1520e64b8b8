//! The library with the features that it was built with: it runs, and refuses by name what it lacks.
//!
//! Invariant: nothing here needs a feature, so that a program with none of them is proven to build.

use mosaic::catalogue::git::{RepoGet, RepoGetInput};
use mosaic::config::{Config, RedisUrl};
use mosaic::embed::StartError;
use mosaic::{Kind, Mosaic};

fn with_a_file() -> Config {
    let mut config = Config::default();
    config.state.path = "no/such/folder/state.db".into();
    config
}

fn with_a_shared_cache() -> Config {
    let mut config = Config::default();
    config.cache.l2.url = Some(RedisUrl::parse("redis://127.0.0.1:1").expect("an address"));
    config
}

#[tokio::test]
async fn what_the_build_lacks_is_refused_with_its_key_and_its_feature() {
    let cases = [
        (with_a_file(), "state.path", "sqlite", cfg!(feature = "sqlite")),
        (with_a_shared_cache(), "cache.l2.url", "redis", cfg!(feature = "redis")),
    ];
    for (config, key, feature, built) in cases {
        let checked = Mosaic::builder(config.clone()).check().await.err();
        // Neither can start: there is no such folder, and the nodes' shared secret is not set.
        let started = Mosaic::start(config).await.err();
        for (refused, must_fail) in [(checked, false), (started, true)] {
            match refused {
                Some(StartError::NotBuilt(lacking)) => {
                    assert_eq!((lacking.key, lacking.feature, built), (key, feature, false));
                }
                other => assert!(built && (other.is_some() || !must_fail), "{key}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_gateway_runs_whatever_was_left_out() {
    let gateway = Mosaic::start(Config::default()).await.expect("a gateway");
    let input = RepoGetInput {
        repo: "acme/api".into(),
    };
    let failure = gateway
        .call::<RepoGet>(input)
        .await
        .expect_err("no provider is configured");
    assert_eq!(failure.kind, Kind::NoProvider);
    assert!(gateway.metrics().contains("mosaic_calls_total"));
    gateway.shutdown().await;
}
