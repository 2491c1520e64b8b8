//! The state store, in memory and in a file: one behaviour, whatever is beneath.
//!
//! Invariant: every test runs on both, unless it is about the file itself.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use mosaic::config::StateConfig;
use mosaic::secret::{Secret, SecretRef};
use mosaic::stores::{
    self, AuditEntry, Begun, Change, Expected, IdempotentCall, Lease, MAX_DOCUMENT_BYTES, MAX_PAGE, OpenError,
    SqliteOptions, SqliteStore, StateStore, StoreError, StoredAnswer, Vault,
};
use serde_json::json;

const KEY: &str = "an encryption key made of quite a few words";
const PLANTED: &str = "ghp_PLANTED0123456789";

fn vault() -> Option<Vault> {
    Some(Vault::new(&Secret::new(KEY)).unwrap())
}

async fn open(path: Option<&Path>, vault: Option<Vault>) -> Arc<dyn StateStore> {
    Arc::new(SqliteStore::open(path, vault, SqliteOptions::default()).await.unwrap())
}

/// Runs a test on a store in memory and on one in a file.
async fn on_both<F: Future<Output = ()>>(test: impl Fn(Arc<dyn StateStore>) -> F) {
    test(open(None, vault()).await).await;
    let folder = tempfile::tempdir().unwrap();
    test(open(Some(&folder.path().join("state.db")), vault()).await).await;
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn call<'a>(key: &'a str, fingerprint: &'a str) -> IdempotentCall<'a> {
    let (ttl, lease) = (Duration::from_secs(3600), Duration::from_secs(60));
    IdempotentCall {
        scope: "acme/git.repo.create",
        key,
        fingerprint,
        ttl,
        lease,
    }
}

fn answer(text: &'static str) -> StoredAnswer {
    StoredAnswer {
        status: 201,
        content_type: "application/json".into(),
        body: Bytes::from_static(text.as_bytes()),
    }
}

#[track_caller]
fn leased(begun: Begun) -> Lease {
    match begun {
        Begun::New(lease) => lease,
        other => panic!("expected a lease, got {other:?}"),
    }
}

#[tokio::test]
async fn documents_are_versioned() {
    on_both(|store| async move {
        let put = |body, expected| {
            let store = store.clone();
            async move { store.put_document("rule", "a", &body, expected).await }
        };
        let first = put(json!({ "n": 1 }), Expected::Absent).await.unwrap();
        let taken = put(json!({}), Expected::Absent).await.unwrap_err();
        assert!(matches!(taken, StoreError::Conflict { actual: Some(v) } if v == first));
        let second = put(json!({ "n": 2 }), Expected::Version(first)).await.unwrap();
        assert!(second > first);
        let stale = put(json!({}), Expected::Version(first)).await.unwrap_err();
        assert!(matches!(stale, StoreError::Conflict { actual: Some(v) } if v == second));

        let document = store.get_document("rule", "a").await.unwrap().unwrap();
        assert_eq!((document.version, document.body), (second, json!({ "n": 2 })));
        assert_eq!(store.get_document("other", "a").await.unwrap(), None);

        assert!(
            store
                .delete_document("rule", "a", Expected::Version(first))
                .await
                .is_err()
        );
        let gone = store
            .delete_document("rule", "a", Expected::Version(second))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(store.get_document("rule", "a").await.unwrap(), None);
        assert_eq!(store.delete_document("rule", "a", Expected::Any).await.unwrap(), None);

        // A version is never used twice, so that a stale writer cannot meet a document made anew.
        let again = put(json!({}), Expected::Absent).await.unwrap();
        assert!(again > gone && gone > second);
    })
    .await;
}

#[tokio::test]
async fn documents_are_listed_in_pages() {
    on_both(|store| async move {
        for id in ["c", "a", "b"] {
            store.put_document("rule", id, &json!(id), Expected::Any).await.unwrap();
        }
        store
            .put_document("tenant", "z", &json!(0), Expected::Any)
            .await
            .unwrap();
        let ids = |page: Vec<stores::Document>| page.into_iter().map(|d| d.id).collect::<Vec<_>>();
        assert_eq!(ids(store.list_documents("rule", "", 2).await.unwrap()), ["a", "b"]);
        assert_eq!(ids(store.list_documents("rule", "b", 2).await.unwrap()), ["c"]);
        assert_eq!(
            ids(store.list_documents("rule", "", u32::MAX).await.unwrap()),
            ["a", "b", "c"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_follower_of_the_changes_arrives_at_the_same_state() {
    on_both(|store| async move {
        let mut latest = store.watch_changes();
        assert_eq!(*latest.borrow_and_update(), 0);
        for (id, n) in [("a", 1), ("b", 2), ("a", 3)] {
            store.put_document("rule", id, &json!(n), Expected::Any).await.unwrap();
        }
        let seen = *latest.borrow_and_update();
        let changes = store.changes_since(0, 10).await.unwrap();
        assert_eq!(changes.last().map(|c| c.seq), Some(seen));
        assert_eq!(changes.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);

        store.delete_document("rule", "b", Expected::Any).await.unwrap();
        latest.changed().await.unwrap();
        let after = store.changes_since(seen, 10).await.unwrap();
        assert_eq!(
            after,
            [Change {
                seq: seen + 1,
                kind: "rule".into(),
                id: "b".into(),
                deleted: true
            }]
        );
        assert_eq!(store.changes_since(0, 1).await.unwrap().len(), 1);
        assert!(store.changes_since(seen + 1, 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_all_count_and_never_share_a_version() {
    on_both(|store| async move {
        let writers = (0..32).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .put_document("rule", &format!("{}", n % 4), &json!(n), Expected::Any)
                    .await
            })
        });
        let mut versions = HashSet::new();
        for writer in writers.collect::<Vec<_>>() {
            versions.insert(writer.await.unwrap().unwrap());
        }
        assert_eq!(versions, (1..=32).collect());
        assert_eq!(*store.watch_changes().borrow(), 32);
    })
    .await;
}

#[tokio::test]
async fn bounds_are_kept() {
    on_both(|store| async move {
        let long = json!("x".repeat(MAX_DOCUMENT_BYTES));
        let refused = store.put_document("rule", "a", &long, Expected::Any).await.unwrap_err();
        assert!(matches!(refused, StoreError::TooLarge { what: "document", .. }));
        for name in ["", "a\nb", "a\0"] {
            assert!(matches!(
                store.put_document("rule", name, &json!(1), Expected::Any).await,
                Err(StoreError::BadName { .. })
            ));
            assert!(store.begin(call(name, "f"), at(0)).await.is_err());
            assert!(store.put_credential(name, &Secret::new("x")).await.is_err());
        }
        let name = "n".repeat(513);
        assert!(matches!(
            store.put_credential(&name, &Secret::new("x")).await,
            Err(StoreError::TooLarge { .. })
        ));
        let credential = Secret::new("x".repeat(65 << 10));
        assert!(matches!(
            store.put_credential("n", &credential).await,
            Err(StoreError::TooLarge { .. })
        ));
        for n in 0..=MAX_PAGE {
            store.append_audit(&entry("acme", i64::from(n))).await.unwrap();
        }
        assert_eq!(
            store.list_audit(None, None, u32::MAX).await.unwrap().len(),
            MAX_PAGE as usize
        );
    })
    .await;
}

#[tokio::test]
async fn credentials_come_back_and_go() {
    on_both(|store| async move {
        assert!(store.get_credential("forge").await.unwrap().is_none());
        store.put_credential("forge", &Secret::new("old")).await.unwrap();
        store.put_credential("forge", &Secret::new(PLANTED)).await.unwrap();
        store.put_credential("ai", &Secret::new("k")).await.unwrap();
        assert_eq!(store.get_credential("forge").await.unwrap().unwrap().expose(), PLANTED);
        assert_eq!(store.list_credentials("", 10).await.unwrap(), ["ai", "forge"]);
        assert_eq!(store.list_credentials("ai", 10).await.unwrap(), ["forge"]);
        assert!(store.delete_credential("forge").await.unwrap());
        assert!(!store.delete_credential("forge").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn the_file_never_holds_a_plaintext_and_another_key_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(Some(&path), vault()).await;
    store.put_credential("forge", &Secret::new(PLANTED)).await.unwrap();
    store
        .put_document("rule", "a", &json!("VISIBLE_MARK"), Expected::Any)
        .await
        .unwrap();
    let bytes_on_disk = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect::<Vec<u8>>()
    };
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    // The mark proves that the search would find what is there, in the journal as well as in the file.
    for _ in 0..2 {
        let bytes = bytes_on_disk();
        assert!(holds(&bytes, "VISIBLE_MARK"));
        assert!(!holds(&bytes, PLANTED) && !holds(&bytes, KEY));
        store.close().await;
    }

    let other = Vault::new(&Secret::new("another key, of quite a few words as well")).unwrap();
    let store = open(Some(&path), Some(other)).await;
    let refused = store.get_credential("forge").await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::WrongKey { name, .. } if name == "forge"),
        "{refused}"
    );
    let store = open(Some(&path), None).await;
    assert!(matches!(
        store.get_credential("forge").await,
        Err(StoreError::NoEncryptionKey)
    ));
    assert!(matches!(
        store.put_credential("b", &Secret::new("x")).await,
        Err(StoreError::NoEncryptionKey)
    ));
    let rotated = Vault::new(&Secret::new("another key, of quite a few words as well")).unwrap();
    let store = open(Some(&path), Some(rotated.with_previous(&Secret::new(KEY)).unwrap())).await;
    assert_eq!(store.get_credential("forge").await.unwrap().unwrap().expose(), PLANTED);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open(Some(&folder.path().join("state.db")), None).await;
    store.put_document("rule", "a", &json!(1), Expected::Any).await.unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{:?}",
            file.path()
        );
        files += 1;
    }
    assert!(files >= 2, "the journal is there");
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(Some(&path), vault()).await;
    let version = store.put_document("rule", "a", &json!(1), Expected::Any).await.unwrap();
    let lease = leased(store.begin(call("k", "f"), at(0)).await.unwrap());
    store.complete(&lease, &answer("{}")).await.unwrap();
    store.close().await;
    assert!(store.get_document("rule", "a").await.is_err());

    let store = open(Some(&path), vault()).await;
    assert_eq!(store.get_document("rule", "a").await.unwrap().unwrap().version, version);
    assert_eq!(*store.watch_changes().borrow(), version);
    assert_eq!(
        store.begin(call("k", "f"), at(1)).await.unwrap(),
        Begun::Replay(answer("{}"))
    );
}

#[tokio::test]
async fn an_answer_is_replayed_until_its_time_is_over() {
    on_both(|store| async move {
        let lease = leased(store.begin(call("k", "f"), at(0)).await.unwrap());
        assert_eq!(store.begin(call("k", "f"), at(1)).await.unwrap(), Begun::InFlight);
        assert_eq!(store.begin(call("k", "other"), at(1)).await.unwrap(), Begun::Mismatch);
        leased(store.begin(call("k2", "f"), at(1)).await.unwrap());

        store.complete(&lease, &answer("{\"id\":1}")).await.unwrap();
        assert_eq!(
            store.begin(call("k", "f"), at(3599)).await.unwrap(),
            Begun::Replay(answer("{\"id\":1}"))
        );
        assert_eq!(
            store.begin(call("k", "other"), at(3599)).await.unwrap(),
            Begun::Mismatch
        );
        // What was answered stays answered.
        assert!(matches!(
            store.complete(&lease, &answer("{}")).await,
            Err(StoreError::LeaseLost)
        ));
        store.abandon(&lease).await.unwrap();
        assert_eq!(
            store.begin(call("k", "f"), at(3599)).await.unwrap(),
            Begun::Replay(answer("{\"id\":1}"))
        );

        leased(store.begin(call("k", "other"), at(3600)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_abandoned_key_is_free() {
    on_both(|store| async move {
        let lease = leased(store.begin(call("k", "f"), at(0)).await.unwrap());
        store.abandon(&lease).await.unwrap();
        leased(store.begin(call("k", "other"), at(0)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_crashed_holder_loses_its_lease_and_cannot_answer_late() {
    on_both(|store| async move {
        let crashed = leased(store.begin(call("k", "f"), at(0)).await.unwrap());
        assert_eq!(store.begin(call("k", "f"), at(59)).await.unwrap(), Begun::InFlight);
        assert_eq!(store.begin(call("k", "other"), at(60)).await.unwrap(), Begun::Mismatch);
        let next = leased(store.begin(call("k", "f"), at(60)).await.unwrap());
        assert!(matches!(
            store.complete(&crashed, &answer("late")).await,
            Err(StoreError::LeaseLost)
        ));
        store.abandon(&crashed).await.unwrap();
        store.complete(&next, &answer("right")).await.unwrap();
        assert_eq!(
            store.begin(call("k", "f"), at(61)).await.unwrap(),
            Begun::Replay(answer("right"))
        );
    })
    .await;
}

#[tokio::test]
async fn expiry_takes_what_is_over_and_no_more_than_asked() {
    on_both(|store| async move {
        for n in 0..5 {
            leased(store.begin(call(&n.to_string(), "f"), at(n)).await.unwrap());
        }
        assert_eq!(store.expire(at(3599), 10).await.unwrap(), 0);
        assert_eq!(store.expire(at(3602), 2).await.unwrap(), 2);
        assert_eq!(store.expire(at(3602), 10).await.unwrap(), 1);
        assert_eq!(store.begin(call("4", "g"), at(3602)).await.unwrap(), Begun::Mismatch);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_callers_with_one_key_exactly_one_makes_the_call() {
    on_both(|store| async move {
        // The second round races for a lease that ran out, the third for an answer whose time is over.
        for (round, now) in [0, 60, 3660].into_iter().enumerate() {
            let barrier = Arc::new(tokio::sync::Barrier::new(64));
            let callers = (0..64).map(|_| {
                let (store, barrier) = (store.clone(), barrier.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    store.begin(call("k", "f"), at(now)).await.unwrap()
                })
            });
            let mut leases = Vec::new();
            for caller in callers.collect::<Vec<_>>() {
                match caller.await.unwrap() {
                    Begun::New(lease) => leases.push(lease),
                    Begun::InFlight => {}
                    other => panic!("round {round}: {other:?}"),
                }
            }
            assert_eq!(leases.len(), 1, "round {round}");
            if round == 1 {
                store.complete(&leases[0], &answer("{}")).await.unwrap();
            }
        }
    })
    .await;
}

fn entry(tenant: &str, n: i64) -> AuditEntry {
    AuditEntry {
        at: at(n),
        tenant: tenant.into(),
        identity: "ops".into(),
        action: "document.put".into(),
        target: format!("rule/{n}"),
        outcome: "ok".into(),
        detail: json!({ "n": n }),
    }
}

#[tokio::test]
async fn the_audit_is_read_backwards_by_tenant() {
    on_both(|store| async move {
        for (tenant, n) in [("a", 1), ("b", 2), ("a", 3), ("", 4)] {
            assert_eq!(store.append_audit(&entry(tenant, n)).await.unwrap(), n);
        }
        let read = |tenant: Option<&'static str>, before, limit| {
            let store = store.clone();
            async move { store.list_audit(tenant, before, limit).await.unwrap() }
        };
        let all = read(None, None, 10).await;
        assert_eq!(all.iter().map(|r| r.seq).collect::<Vec<_>>(), [4, 3, 2, 1]);
        assert_eq!(all[1].entry, entry("a", 3));
        assert_eq!(read(Some("a"), None, 10).await.len(), 2);
        assert_eq!(read(Some("a"), Some(3), 10).await[0].seq, 1);
        assert_eq!(
            read(None, Some(4), 2).await.iter().map(|r| r.seq).collect::<Vec<_>>(),
            [3, 2]
        );
    })
    .await;
}

#[tokio::test]
async fn the_configuration_opens_the_store_it_asks_for() {
    let memory = stores::open(&StateConfig::default()).await.unwrap();
    memory
        .put_credential("a", &Secret::new("kept until exit"))
        .await
        .unwrap();
    assert!(memory.get_credential("a").await.unwrap().is_some());

    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let mut config = StateConfig {
        path: folder.path().join("state.db"),
        ..StateConfig::default()
    };
    let open = stores::open(&config).await.unwrap();
    assert!(matches!(
        open.put_credential("a", &Secret::new("x")).await,
        Err(StoreError::NoEncryptionKey)
    ));

    config.encryption_key = Some(SecretRef::File(key.clone()));
    assert!(matches!(stores::open(&config).await.err(), Some(OpenError::Secret(_))));
    std::fs::write(&key, "short").unwrap();
    assert!(matches!(stores::open(&config).await.err(), Some(OpenError::Key(_))));
    std::fs::write(&key, KEY).unwrap();
    stores::open(&config)
        .await
        .unwrap()
        .put_credential("a", &Secret::new("x"))
        .await
        .unwrap();

    config.path = folder.path().join("no/such/folder");
    assert!(matches!(stores::open(&config).await.err(), Some(OpenError::Store(_))));
    config.path = folder.path().join("note.txt");
    std::fs::write(
        &config.path,
        "this is no database, but it is long enough to look at".repeat(9),
    )
    .unwrap();
    assert!(matches!(stores::open(&config).await.err(), Some(OpenError::Store(_))));
}

#[tokio::test]
async fn a_busy_store_says_so_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let options = SqliteOptions {
        acquire_timeout: Duration::from_millis(50),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(Some(&path), None, options).await.unwrap();
    // Another process holds the file's write lock.
    let other = sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(&path))
        .await
        .unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let refused = store
        .put_document("rule", "a", &json!(1), Expected::Any)
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Busy), "{refused:?}");
    drop(lock);
    other.close().await;
    store.put_document("rule", "a", &json!(1), Expected::Any).await.unwrap();
}
