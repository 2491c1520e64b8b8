//! A backup in the state's place: what is read of it, what is refused as one, and where the state is.
//!
//! Invariant: a test looks at what a next start finds.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

/// A folder with the state `state.db`, and its configuration.
struct Kept {
    folder: tempfile::TempDir,
    config: StateConfig,
}

impl Kept {
    fn new() -> Kept {
        let folder = tempfile::tempdir().unwrap();
        let config = StateConfig {
            path: folder.path().join("state.db"),
            ..StateConfig::default()
        };
        Kept { folder, config }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs once a state at `name` that answers `key`.
    async fn run(&self, name: &str, key: &str) {
        let store = open(&self.at(name), None).await;
        answered(&*store, key).await;
        store.close().await;
    }

    /// The files at `name` that a killed process leaves: `key` is in the journal alone.
    async fn killed(&self, name: &str, key: &str) {
        let elsewhere = tempfile::tempdir().unwrap();
        let running = elsewhere.path().join("state.db");
        let store = open(&running, None).await;
        answered(&*store, key).await;
        for ending in ["", "-wal"] {
            let from = format!("{}{ending}", running.display());
            std::fs::copy(from, self.at(&format!("{name}{ending}"))).unwrap();
        }
        store.close().await;
    }

    async fn restore(&self, name: &str) -> Result<Option<PathBuf>, CopyError> {
        stores::restore(&self.config, &self.at(name)).await
    }

    /// The keys that a start with the state at `name` knows.
    async fn keys(&self, name: &str) -> Vec<String> {
        let store = open(&self.at(name), None).await;
        let known = store.list_keys(false, at(1), 10).await.unwrap();
        store.close().await;
        known.into_iter().map(|known| known.key).collect()
    }
}

async fn answered(store: &dyn StateStore, key: &str) {
    let lease = leased(store.begin(call(key, "f"), at(0)).await.unwrap());
    store.complete(&lease, &answer("{}")).await.unwrap();
}

#[tokio::test]
async fn what_a_backup_has_in_its_journal_is_restored_too() {
    let kept = Kept::new();
    kept.run("state.db", "here").await;
    kept.killed("copy.db", "journaled").await;
    kept.restore("copy.db").await.unwrap();
    assert_eq!(kept.keys("state.db").await, ["journaled"]);
}

#[tokio::test]
async fn what_was_replaced_can_be_put_back_with_all_that_it_had() {
    let kept = Kept::new();
    kept.killed("state.db", "old").await;
    kept.run("copy.db", "new").await;
    let first = kept.restore("copy.db").await.unwrap().unwrap();
    assert!(first.ends_with("state.db.replaced"), "{first:?}");
    assert_eq!(kept.keys("state.db").await, ["new"]);
    let second = kept.restore("state.db.replaced").await.unwrap().unwrap();
    assert!(second.ends_with("state.db.replaced.2"), "{second:?}");
    assert_eq!(kept.keys("state.db").await, ["old"]);
    assert_eq!(kept.keys("state.db.replaced.2").await, ["new"]);
    assert_eq!(kept.keys("state.db.replaced").await, ["old"]);
}

#[tokio::test]
async fn no_file_of_the_state_in_use_is_taken_for_a_copy() {
    let kept = Kept::new();
    kept.run("state.db", "old").await;
    symlink("state.db", kept.at("link.db")).unwrap();
    std::fs::hard_link(kept.at("state.db"), kept.at("other.db")).unwrap();
    let own = [
        "state.db",
        "state.db-wal",
        "state.db-shm",
        "state.db-journal",
        "state.db.lock",
        "state.db.serving",
        "link.db",
        "other.db",
    ];
    for name in own {
        let before = std::fs::read(kept.at(name)).ok();
        let file = kept.at(name);
        for refused in [
            kept.restore(name).await.map(drop),
            stores::backup(&kept.config, &file).await,
        ] {
            let refused = refused.unwrap_err();
            assert!(matches!(&refused, CopyError::Copy { file: named, .. } if *named == file));
            assert!(refused.to_string().contains("the state in use"), "{name}: {refused}");
        }
        assert!(std::fs::read(kept.at(name)).ok() == before, "{name} is as it was");
    }
    // No other name is a scratch of ours, that a restore would write over.
    kept.run("state.db.new", "new").await;
    kept.restore("state.db.new").await.unwrap();
    assert_eq!(kept.keys("state.db.new").await, ["new"]);
    assert_eq!(kept.keys("state.db").await, ["new"]);
}

#[tokio::test]
async fn a_backup_is_not_made_beside_a_journal_that_would_be_read_into_it() {
    let kept = Kept::new();
    kept.run("state.db", "old").await;
    kept.killed("copy.db", "another").await;
    std::fs::remove_file(kept.at("copy.db")).unwrap();
    let refused = stores::backup(&kept.config, &kept.at("copy.db")).await.unwrap_err();
    assert!(refused.to_string().contains("copy.db-wal"), "{refused}");
    assert!(!kept.at("copy.db").exists());
}

#[tokio::test]
async fn a_link_as_the_states_path_stays_one() {
    let mut kept = Kept::new();
    std::fs::create_dir(kept.at("disk")).unwrap();
    symlink("disk/real.db", kept.at("state.db")).unwrap();
    // A first start, through a link that leads to nothing yet.
    let store = stores::open_alone(&kept.config).await.unwrap();
    answered(&*store, "old").await;
    store.close().await;
    let linked = |kept: &Kept| kept.at("state.db").is_symlink() && kept.at("disk/real.db").is_file();
    assert!(linked(&kept));

    kept.run("copy.db", "new").await;
    let replaced = kept.restore("copy.db").await.unwrap().unwrap();
    assert!(linked(&kept));
    assert!(replaced.ends_with("disk/real.db.replaced"), "{replaced:?}");
    assert_eq!(kept.keys("disk/real.db").await, ["new"]);
    assert_eq!(kept.keys("disk/real.db.replaced").await, ["old"]);

    // Whether a start can make a file is asked of the folder where it would be.
    std::fs::remove_file(kept.at("state.db")).unwrap();
    symlink("nowhere/real.db", kept.at("state.db")).unwrap();
    kept.config.path = kept.at("state.db");
    let refused = stores::inspect(&kept.config).await.unwrap_err();
    assert!(
        matches!(refused, OpenError::Store(StoreError::Place { .. })),
        "{refused}"
    );
}

#[tokio::test]
async fn a_state_of_two_names_is_not_served_and_a_restore_gives_it_one() {
    let kept = Kept::new();
    kept.run("state.db", "old").await;
    kept.run("copy.db", "new").await;
    std::fs::hard_link(kept.at("state.db"), kept.at("other.db")).unwrap();
    for refused in [
        stores::open_alone(&kept.config).await.map(drop),
        stores::open(&kept.config).await.map(drop),
        stores::inspect(&kept.config).await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, OpenError::Store(StoreError::Linked { links: 2, .. })),
            "{refused}"
        );
    }
    kept.restore("copy.db").await.unwrap();
    stores::open_alone(&kept.config).await.unwrap().close().await;
    assert_eq!(kept.keys("other.db").await, ["old"]);
}

#[tokio::test]
async fn a_pipe_where_a_file_must_be_is_refused_and_not_waited_for() {
    for ending in [".lock", ".serving", ""] {
        let kept = Kept::new();
        kept.run("copy.db", "new").await;
        let made = std::process::Command::new("mkfifo")
            .arg(kept.at(&format!("state.db{ending}")))
            .status()
            .unwrap();
        assert!(made.success());
        // Beside the test, which would wait in vain, and for good, for the other end.
        let (told, answer) = std::sync::mpsc::channel();
        let config = kept.config.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let opened = runtime.block_on(stores::open_alone(&config)).map(drop);
            told.send(opened).unwrap();
        });
        let refused = answer.recv_timeout(Duration::from_secs(20)).expect("it does not wait");
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, OpenError::Store(StoreError::NotAFile { .. })),
            "{ending}: {refused}"
        );
        if ending != ".serving" {
            assert!(matches!(
                kept.restore("copy.db").await,
                Err(CopyError::State(OpenError::Store(StoreError::NotAFile { .. })))
            ));
        }
    }
}
