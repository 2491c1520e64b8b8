use mosaic_actors::system::SystemSpec;
use serde_json::json;

use super::*;
use crate::stores::MemoryStore;

fn rule(name: &str, instances: &[&str]) -> Rule {
    Rule {
        name: Arc::from(name),
        instances: instances.iter().map(|name| Arc::from(*name)).collect(),
        balance: "adaptive".parse().expect("a balancer"),
        ..Rule::default()
    }
}

#[test]
fn a_rule_is_known_by_its_name_or_its_number_and_by_its_providers() {
    let known = known(&[rule("", &["a"]), rule("near", &["a"]), rule("near", &["a", "b"])]);
    let ids: Vec<&str> = known.iter().map(|known| &*known.id).collect();
    assert_eq!(ids, ["#0", "near", "#2"]);
    assert_eq!(known[0].providers, known[1].providers);
    assert_ne!(known[0].providers, known[2].providers);
}

#[tokio::test]
async fn what_is_broken_or_of_another_rule_is_passed_over() {
    let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new(None));
    let rules = [
        rule("one", &["a"]),
        rule("two", &["a"]),
        rule("three", &["a"]),
        rule("four", &["a"]),
    ];
    let lessons = Lessons::of(&rules, store.clone());
    let good = body(&lessons.0.rules[1], &Learned::from_bytes(*b"learned"));
    for (id, body) in [
        ("gone", good.clone()),
        (
            "one",
            json!({"providers": lessons.0.rules[0].providers, "learned": "%"}),
        ),
        ("two", good),
        ("three", json!(7)),
        ("four", json!({"providers": "others", "learned": ""})),
    ] {
        store
            .put_document(KIND, id, &body, Expected::Any)
            .await
            .expect("it is up");
    }
    assert_eq!(lessons.restore().await, [(1, Learned::from_bytes(*b"learned"))]);
}

#[tokio::test]
async fn however_much_was_learned_by_rules_that_are_gone_the_others_find_theirs() {
    let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new(None));
    let lessons = Lessons::of(&[rule("zuletzt", &["a"])], store.clone());
    let body = body(&lessons.0.rules[0], &Learned::from_bytes(*b"learned"));
    let gone = (0..=crate::stores::MAX_PAGE).map(|number| format!("gone-{number}"));
    for id in gone.chain(["zuletzt".to_owned()]) {
        store
            .put_document(KIND, &id, &body, Expected::Any)
            .await
            .expect("it is up");
    }
    assert_eq!(lessons.restore().await, [(0, Learned::from_bytes(*b"learned"))]);
}

#[tokio::test]
async fn only_what_has_changed_is_written_down() {
    let learned = Learned::from_bytes(*b"learned");
    let rules = [rule("near", &["a"])];
    let mut spec = SystemSpec::new(Arc::new(metrics::NoopRecorder));
    spec.rules = rules.to_vec();
    spec.learned = vec![(0, learned.clone())];
    let system = System::start(spec).await.expect("it starts");
    let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new(None));
    let lessons = Lessons::of(&rules, store.clone());
    let version = async || {
        lessons.keep(&system).await;
        store
            .get_document(KIND, "near")
            .await
            .expect("it is up")
            .expect("it is there")
            .version
    };
    assert_eq!(version().await, version().await);
    assert_eq!(Lessons::of(&rules, store.clone()).restore().await, [(0, learned)]);
    system.shutdown(Duration::ZERO).await;
}

/// With a state that outlives the process.
#[cfg(feature = "sqlite")]
mod again {
    use super::*;
    use crate::config::{Balance, BaseUrl, Config, ProviderConfig, RouteConfig};
    use crate::embed::Mosaic;
    use crate::stores;

    /// A gateway whose state is a file, with one rule.
    fn config(path: &std::path::Path) -> Config {
        let mut config = Config::default();
        config.state.path = path.to_path_buf();
        let mut forge = ProviderConfig::new("github").at(BaseUrl::parse("http://127.0.0.1:9").expect("an address"));
        forge.health_check = false;
        config.providers.insert("forge".to_owned(), forge);
        config.routes.push(RouteConfig {
            providers: vec!["forge".to_owned()],
            balance: Balance::Adaptive,
            ..RouteConfig::default()
        });
        config
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_gateway_that_is_started_again_goes_on_with_what_it_had_learned() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(&folder.path().join("state.db"));
        let plant = async |document: Value| {
            let store = stores::open(&config.state).await.expect("it opens");
            store
                .put_document(KIND, "#0", &document, Expected::Any)
                .await
                .expect("it is up");
            store.close().await;
        };
        let learned = Learned::from_bytes(*b"of a former run");
        plant(body(&known(&[rule("", &["forge"])])[0], &learned)).await;
        for _run in 0..2 {
            let gateway = Mosaic::start(config.clone()).await.expect("it starts");
            assert_eq!(gateway.system().learned().await, [(0, learned.clone())]);
            gateway.shutdown().await;
        }
        plant(json!({"providers": 1})).await;
        let gateway = Mosaic::start(config.clone()).await.expect("it starts all the same");
        assert!(gateway.system().learned().await.is_empty());
        gateway.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_learned_is_written_down_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(&folder.path().join("state.db"));
        let learned = Learned::from_bytes(*b"of this run");
        let document = body(&known(&[rule("", &["forge"])])[0], &learned);
        let open = async || stores::open(&config.state).await.expect("it opens");
        let store = open().await;
        store
            .put_document(KIND, "#0", &document, Expected::Any)
            .await
            .expect("it is up");
        store.close().await;
        let gateway = Mosaic::start(config.clone()).await.expect("it starts");
        // As if it had come by it just now.
        gateway.inner.lessons.0.written.lock().await.clear();
        gateway
            .inner
            .store
            .delete_document(KIND, "#0", Expected::Any)
            .await
            .expect("it is up");
        gateway.shutdown().await;
        let store = open().await;
        let kept = store
            .get_document(KIND, "#0")
            .await
            .expect("it is up")
            .expect("it is there");
        assert_eq!(kept.body, document);
        store.close().await;
    }
}
