//! A store that cannot be written, or was damaged: what is claimed there is never relied on.
//!
//! Invariant: each fault is a real one of SQLite, and each method of the store meets it.

use std::os::unix::fs::{FileExt, PermissionsExt};

use super::*;

/// Every method that writes, by name, with whether it said that it did.
async fn write_all(store: &dyn StateStore, lease: &Lease) -> Vec<(&'static str, Result<(), StoreError>)> {
    let filler = json!("x".repeat(100_000));
    let mut audit = entry("acme", 1);
    audit.detail = filler.clone();
    let large = StoredAnswer {
        body: Bytes::from("x".repeat(100_000)),
        ..answer("")
    };
    vec![
        (
            "put_document",
            store
                .put_document("rule", "new", &filler, Expected::Any)
                .await
                .map(drop),
        ),
        ("append_audit", store.append_audit(&audit).await.map(drop)),
        ("complete", store.complete(lease, &large).await),
        (
            "put_credential",
            store.put_credential("new", &Secret::new("x".repeat(60_000))).await,
        ),
    ]
}

/// What they would have changed.
async fn state(store: &dyn StateStore) -> String {
    let documents = store.list_documents("rule", "", 10).await.unwrap();
    let credentials = store.list_credentials("", 10).await.unwrap();
    let audit = store.list_audit(None, None, 10).await.unwrap();
    format!("{documents:?} {credentials:?} {audit:?}")
}

async fn with_a_claim(path: &Path) -> (SqliteStore, Lease) {
    let store = SqliteStore::open(path, vault(), short()).await.unwrap();
    store
        .put_document("rule", "old", &json!(1), Expected::Any)
        .await
        .unwrap();
    store.put_credential("old", &Secret::new("x")).await.unwrap();
    let lease = leased(store.begin(call("claimed", "f"), at(0)).await.unwrap());
    (store, lease)
}

fn short() -> SqliteOptions {
    SqliteOptions {
        acquire_timeout: Duration::from_millis(500),
        ..SqliteOptions::default()
    }
}

#[tokio::test]
async fn on_a_full_disk_no_write_is_relied_on_and_it_works_again_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let (first, _) = with_a_claim(&path).await;
    first.close().await;
    let pages = u32::try_from(std::fs::metadata(&path).unwrap().len() / 4096).unwrap();
    let options = SqliteOptions {
        max_pages: Some(pages + 2),
        ..short()
    };
    let store = SqliteStore::open(&path, vault(), options).await.unwrap();
    let lease = leased(store.begin(call("another", "f"), at(0)).await.unwrap());
    let before = state(&store).await;
    for (method, outcome) in write_all(&store, &lease).await {
        assert!(matches!(outcome, Err(StoreError::Full)), "{method}: {outcome:?}");
    }
    assert!(store.trouble().unwrap().contains("full"));
    // The connection is not left within what failed.
    store.probe().await.unwrap();
    assert_eq!(store.trouble(), None);
    assert_eq!(state(&store).await, before);
    // Claims until there is no room: what was claimed is there, and what was refused is free.
    let mut claimed = Vec::new();
    let refused = loop {
        let key = format!("{:0400}", claimed.len());
        match store.begin(call(&key, "f"), at(0)).await {
            Ok(begun) => claimed.push((key, leased(begun))),
            Err(error) => break (key, error),
        }
        assert!(claimed.len() < 1000);
    };
    assert!(matches!(refused.1, StoreError::Full), "{:?}", refused.1);
    assert!(!claimed.is_empty());
    for (key, _) in &claimed {
        assert_eq!(store.begin(call(key, "f"), at(0)).await.unwrap(), Begun::InFlight);
    }
    store.close().await;
    let roomy = open(&path, vault()).await;
    for (key, _) in &claimed {
        assert_eq!(roomy.begin(call(key, "f"), at(0)).await.unwrap(), Begun::Unknown);
    }
    leased(roomy.begin(call(&refused.0, "f"), at(0)).await.unwrap());
}

#[tokio::test]
async fn a_full_memory_refuses_says_so_and_works_again_when_something_goes() {
    let store = MemoryStore::bounded(vault(), 10_000);
    let body = json!("x".repeat(6_000));
    store.put_document("rule", "a", &body, Expected::Any).await.unwrap();
    let refused = store.put_document("rule", "b", &body, Expected::Any).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert!(store.trouble().is_some() && store.probe().await.is_err());
    assert_eq!(store.get_document("rule", "b").await.unwrap(), None);
    store.delete_document("rule", "a", Expected::Any).await.unwrap();
    store.probe().await.unwrap();
    assert!(store.trouble().is_none());
    store.put_document("rule", "b", &body, Expected::Absent).await.unwrap();
}

#[tokio::test]
async fn on_a_locked_or_read_only_store_every_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let (store, lease) = with_a_claim(&path).await;
    let before = state(&store).await;
    let other = sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(&path))
        .await
        .unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let refused = refuse_all(&store, &lease).await;
    assert!(
        refused.iter().all(|error| matches!(error, StoreError::Busy)),
        "{refused:?}"
    );
    assert!(store.trouble().unwrap().contains("locked"));
    drop(lock);
    other.close().await;
    assert_eq!(state(&store).await, before);
    store.probe().await.unwrap();
    assert_eq!(store.trouble(), None);

    let read_only = SqliteStore::inspect(&path, vault(), short()).await.unwrap();
    let refused = refuse_all(&read_only, &lease).await;
    assert!(
        refused.iter().all(|error| matches!(error, StoreError::ReadOnly)),
        "{refused:?}"
    );
    assert!(read_only.trouble().unwrap().contains("read only"));
    assert_eq!(state(&store).await, before);
}

async fn refuse_all(store: &SqliteStore, lease: &Lease) -> Vec<StoreError> {
    let mut refused: Vec<_> = write_all(store, lease)
        .await
        .into_iter()
        .map(|(method, outcome)| outcome.expect_err(method))
        .collect();
    refused.push(store.delete_document("rule", "old", Expected::Any).await.unwrap_err());
    refused.push(store.delete_credential("old").await.unwrap_err());
    refused.push(store.begin(call("fresh", "f"), at(0)).await.unwrap_err());
    refused.push(store.abandon(lease).await.unwrap_err());
    refused.push(store.release(call("", "").scope, "claimed", at(100)).await.unwrap_err());
    refused.push(store.expire(at(100_000), 10).await.unwrap_err());
    refused.push(store.probe().await.unwrap_err());
    refused
}

#[tokio::test]
async fn a_damaged_store_is_refused_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let (store, _) = with_a_claim(&path).await;
    for n in 0..200 {
        store
            .put_document("rule", &n.to_string(), &json!("x".repeat(500)), Expected::Any)
            .await
            .unwrap();
    }
    store.close().await;
    let sound = std::fs::read(&path).unwrap();
    let config = StateConfig {
        path: path.clone(),
        ..StateConfig::default()
    };
    let sql = async |statement: &'static str| {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
    };
    for damage in ["emptied", "overwritten", "table", "later", "nothing of ours"] {
        std::fs::write(&path, &sound).unwrap();
        match damage {
            "emptied" => std::fs::write(&path, "").unwrap(),
            "overwritten" => {
                let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                let page = sound.len() / 4096 / 2 * 4096;
                file.write_all_at(&[0xa5; 4096], page as u64).unwrap();
            }
            "table" => sql("DROP TABLE idempotency").await,
            "later" => sql("UPDATE _sqlx_migrations SET version = 99 WHERE version = 1").await,
            _ => sql("DROP TABLE _sqlx_migrations").await,
        }
        let damaged = std::fs::read(&path).unwrap();
        for refused in [stores::open(&config).await.err(), stores::inspect(&config).await.err()] {
            let Some(OpenError::Store(error)) = refused else {
                panic!("{damage}: {refused:?}")
            };
            match damage {
                "later" => assert!(matches!(error, StoreError::Later { found: 99, .. }), "{error:?}"),
                _ => assert!(matches!(error, StoreError::Corrupt(_)), "{damage}: {error:?}"),
            }
            assert!(error.remedy().contains("mosaic state restore"));
        }
        assert!(
            std::fs::read(&path).unwrap() == damaged,
            "{damage}: what is refused is left as it is"
        );
    }
}

#[tokio::test]
async fn a_backup_is_whole_is_its_owners_alone_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let (store, _) = with_a_claim(&path).await;
    let copy = folder.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    assert!(store.backup(&copy).await.is_err());
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o077, 0);
    let restored = open(&copy, vault()).await;
    assert_eq!(state(&*restored).await, state(&store).await);
    assert_eq!(
        restored.begin(call("claimed", "f"), at(1)).await.unwrap(),
        Begun::Unknown
    );
}
