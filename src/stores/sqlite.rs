//! The state store over SQLite: a file, or memory.
//!
//! Invariant: one connection writes, so writers queue in order instead of fighting for the file's lock.

mod audit;
mod credentials;
mod documents;
mod idempotency;

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr, Sqlite, Transaction};
use tokio::sync::watch;

use super::state::*;
use super::vault::Vault;
use crate::secret::Secret;

/// The bounds of a store.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Connections that read at the same time; one more writes. In memory one does both.
    pub read_connections: u32,
    /// How long an operation waits for a connection, or for another process's lock.
    pub acquire_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        SqliteOptions {
            read_connections: 4,
            acquire_timeout: Duration::from_secs(5),
        }
    }
}

/// State in an SQLite database.
pub struct SqliteStore {
    write: SqlitePool,
    read: SqlitePool,
    vault: Option<Vault>,
    latest: watch::Sender<i64>,
}

impl SqliteStore {
    /// Opens, or makes, the database at `path` (`None`: in memory) and brings its tables up to date. Without a
    /// `vault` the store keeps no credentials.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where the file cannot be opened or is of another kind or a later version.
    pub async fn open(path: Option<&Path>, vault: Option<Vault>, options: SqliteOptions) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::new()
            .foreign_keys(true)
            .busy_timeout(options.acquire_timeout);
        let connect = match path {
            None => connect.in_memory(true),
            Some(path) => {
                create_private(path).map_err(|e| StoreError::Failed(Box::new(e)))?;
                // FULL, because a power cut may take the last transactions of a WAL that is synced less, and
                // an answer that was acknowledged must not be among them.
                connect
                    .filename(path)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
            }
        };
        let pool = |max| {
            // A connection is never recycled: in memory the data would go with it.
            SqlitePoolOptions::new()
                .max_connections(max)
                .acquire_timeout(options.acquire_timeout)
                .max_lifetime(None)
                .idle_timeout(None)
                .test_before_acquire(false)
        };
        let write = pool(1).connect_with(connect.clone()).await?;
        migrator()
            .run(&write)
            .await
            .map_err(|e| StoreError::Failed(Box::new(e)))?;
        let read = match path {
            None => write.clone(),
            Some(_) => pool(options.read_connections.max(1)).connect_with(connect).await?,
        };
        let latest: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM documents")
            .fetch_one(&read)
            .await?;
        Ok(SqliteStore {
            write,
            read,
            vault,
            latest: watch::Sender::new(latest),
        })
    }

    /// Opens the database at `path` to look at it: nothing is made, brought up to date or written.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where it cannot be read, or is no state of ours.
    pub async fn inspect(path: &Path, vault: Option<Vault>, options: SqliteOptions) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(options.acquire_timeout);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.acquire_timeout)
            .connect_with(connect)
            .await?;
        let latest: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM documents")
            .fetch_one(&pool)
            .await?;
        Ok(SqliteStore {
            write: pool.clone(),
            read: pool,
            vault,
            latest: watch::Sender::new(latest),
        })
    }

    /// Takes the write lock at once: a transaction that reads first and writes later could be refused half way.
    async fn begin_write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// The next number of a counter.
async fn next(tx: &mut Transaction<'static, Sqlite>, counter: &'static str) -> Result<i64, StoreError> {
    let sql = "INSERT INTO sequences (name, value) VALUES ($1, 1)
               ON CONFLICT (name) DO UPDATE SET value = sequences.value + 1 RETURNING value";
    Ok(sqlx::query_scalar(sql).bind(counter).fetch_one(&mut **tx).await?)
}

fn page(limit: u32) -> i64 {
    i64::from(limit.min(MAX_PAGE))
}

fn migrator() -> Migrator {
    let sql = include_str!("migrations/0001_state.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(
        1,
        "state".into(),
        MigrationType::Simple,
        sql,
        false,
    )])
}

/// Makes the file, readable by its owner alone; SQLite gives its journal the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // 5: SQLITE_BUSY, 6: SQLITE_LOCKED; the upper bytes of an extended code say more closely why.
        let busy = |code: &str| code.parse().is_ok_and(|code: u32| matches!(code & 0xff, 5 | 6));
        match &error {
            sqlx::Error::PoolTimedOut => StoreError::Busy,
            sqlx::Error::Database(e) if e.code().as_deref().is_some_and(busy) => StoreError::Busy,
            _ => StoreError::Failed(Box::new(error)),
        }
    }
}

impl StateStore for SqliteStore {
    fn put_document<'a>(
        &'a self,
        kind: &'a str,
        id: &'a str,
        body: &'a Value,
        expected: Expected,
    ) -> StoreFuture<'a, i64> {
        self.write_document(kind, id, body, expected).boxed()
    }

    fn get_document<'a>(&'a self, kind: &'a str, id: &'a str) -> StoreFuture<'a, Option<Document>> {
        self.read_document(kind, id).boxed()
    }

    fn list_documents<'a>(&'a self, kind: &'a str, after: &'a str, limit: u32) -> StoreFuture<'a, Vec<Document>> {
        self.read_documents(kind, after, limit).boxed()
    }

    fn delete_document<'a>(&'a self, kind: &'a str, id: &'a str, expected: Expected) -> StoreFuture<'a, Option<i64>> {
        self.remove_document(kind, id, expected).boxed()
    }

    fn changes_since(&self, seq: i64, limit: u32) -> StoreFuture<'_, Vec<Change>> {
        self.read_changes(seq, limit).boxed()
    }

    fn watch_changes(&self) -> watch::Receiver<i64> {
        self.latest.subscribe()
    }

    fn put_credential<'a>(&'a self, name: &'a str, credential: &'a Secret) -> StoreFuture<'a, ()> {
        self.write_credential(name, credential).boxed()
    }

    fn get_credential<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<Secret>> {
        self.read_credential(name).boxed()
    }

    fn delete_credential<'a>(&'a self, name: &'a str) -> StoreFuture<'a, bool> {
        self.remove_credential(name).boxed()
    }

    fn list_credentials<'a>(&'a self, after: &'a str, limit: u32) -> StoreFuture<'a, Vec<String>> {
        self.read_credential_names(after, limit).boxed()
    }

    fn begin<'a>(&'a self, call: IdempotentCall<'a>, now: Timestamp) -> StoreFuture<'a, Begun> {
        self.begin_call(call, now).boxed()
    }

    fn complete<'a>(&'a self, lease: &'a Lease, answer: &'a StoredAnswer) -> StoreFuture<'a, ()> {
        self.complete_call(lease, answer).boxed()
    }

    fn abandon<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        self.abandon_call(lease).boxed()
    }

    fn expire(&self, now: Timestamp, limit: u32) -> StoreFuture<'_, u64> {
        self.expire_calls(now, limit).boxed()
    }

    fn append_audit<'a>(&'a self, entry: &'a AuditEntry) -> StoreFuture<'a, i64> {
        self.write_audit(entry).boxed()
    }

    fn list_audit<'a>(
        &'a self,
        tenant: Option<&'a str>,
        before: Option<i64>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<AuditRecord>> {
        self.read_audit(tenant, before, limit).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {
            self.read.close().await;
            self.write.close().await;
        }
        .boxed()
    }
}
