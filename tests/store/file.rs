//! What is about the file: its secrets, its rights, its opening.
//!
//! Invariant: as in the crate.

use super::*;

#[tokio::test]
async fn the_file_never_holds_a_plaintext_and_another_key_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(&path, vault()).await;
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
    let store = open(&path, Some(other)).await;
    let refused = store.get_credential("forge").await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::WrongKey { name, .. } if name == "forge"),
        "{refused}"
    );
    let store = open(&path, None).await;
    assert!(matches!(
        store.get_credential("forge").await,
        Err(StoreError::NoEncryptionKey)
    ));
    assert!(matches!(
        store.put_credential("b", &Secret::new("x")).await,
        Err(StoreError::NoEncryptionKey)
    ));
    let rotated = Vault::new(&Secret::new("another key, of quite a few words as well")).unwrap();
    let store = open(&path, Some(rotated.with_previous(&Secret::new(KEY)).unwrap())).await;
    assert_eq!(store.get_credential("forge").await.unwrap().unwrap().expose(), PLANTED);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("state.db"), None).await;
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
    let store = open(&path, vault()).await;
    let version = store.put_document("rule", "a", &json!(1), Expected::Any).await.unwrap();
    let lease = leased(store.begin(call("k", "f"), at(0)).await.unwrap());
    store.complete(&lease, &answer("{}")).await.unwrap();
    store.close().await;
    assert!(store.get_document("rule", "a").await.is_err());

    let store = open(&path, vault()).await;
    assert_eq!(store.get_document("rule", "a").await.unwrap().unwrap().version, version);
    assert_eq!(*store.watch_changes().borrow(), version);
    assert_eq!(
        store.begin(call("k", "f"), at(1)).await.unwrap(),
        Begun::Replay(answer("{}"))
    );
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
    let store = SqliteStore::open(&path, None, options).await.unwrap();
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
