//! The state store over SQLite, in a file.
//!
//! Invariant: one connection writes, so writers queue in order instead of fighting for the file's lock.

mod audit;
mod copy;
mod credentials;
mod documents;
mod events;
mod idempotency;
mod owners;
mod schema;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::{Mutex, watch};

use super::lock::{in_use, meant, to_serve};
use super::replace::Scratch;
use super::state::*;
use super::vault::Vault;
use crate::secret::Secret;
use writer::{Write, Writer};

pub(super) use copy::{copy, create_new, settle};
pub(super) use schema::check_file;

/// The bounds of a store.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Connections that read at the same time; one more writes.
    pub read_connections: u32,
    /// How long an operation waits for a connection, or for another process's lock.
    pub acquire_timeout: Duration,
    /// The most pages that the database may have; `None`: as many as the disk holds.
    pub max_pages: Option<u32>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        SqliteOptions {
            read_connections: 4,
            acquire_timeout: Duration::from_secs(5),
            max_pages: None,
        }
    }
}

/// State in an SQLite database.
pub struct SqliteStore {
    write: Writer,
    read: SqlitePool,
    vault: Option<Vault>,
    latest: watch::Sender<i64>,
    /// Names the process that makes claims, so that its successor can tell them from its own.
    incarnation: String,
    /// Tells a restore that the file is in use, and others that we serve with it.
    used: Mutex<Vec<File>>,
}

impl SqliteStore {
    /// As [`SqliteStore::open`], as the only one that serves with the file.
    ///
    /// # Errors
    /// [`StoreError::Served`] where another does, or as [`SqliteStore::open`].
    pub async fn open_alone(path: &Path, vault: Option<Vault>, options: SqliteOptions) -> Result<Self, StoreError> {
        let alone = to_serve(path)?;
        let store = Self::open(path, vault, options).await?;
        store.used.lock().await.push(alone);
        Ok(store)
    }

    /// Opens, or makes, the database at `path` and brings its tables up to date. Without a `vault` the store keeps no
    /// credentials.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where the file cannot be opened or is of another kind or a later version.
    pub async fn open(path: &Path, vault: Option<Vault>, options: SqliteOptions) -> Result<Self, StoreError> {
        let used = in_use(path)?;
        // SQLite follows links, too, and names the journal by what they lead to.
        let path = &meant(path);
        schema::check_file(path, options.acquire_timeout).await?;
        if !path.exists() {
            make(path).await?;
        }
        // FULL, because a power cut may take the last transactions of a WAL that is synced less, and an answer that was
        // acknowledged must not be among them.
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(options.acquire_timeout);
        let connect = match options.max_pages {
            Some(pages) => connect.pragma("max_page_count", pages.to_string()),
            None => connect,
        };
        let pool = |max| {
            SqlitePoolOptions::new()
                .max_connections(max)
                .acquire_timeout(options.acquire_timeout)
                .max_lifetime(None)
                .idle_timeout(None)
                .test_before_acquire(false)
        };
        let write = pool(1).connect_with(connect.clone()).await?;
        schema::migrate(&write).await?;
        let read = pool(options.read_connections.max(1)).connect_with(connect).await?;
        Self::over(write, read, vault, vec![used]).await
    }

    async fn over(
        write: SqlitePool,
        read: SqlitePool,
        vault: Option<Vault>,
        used: Vec<File>,
    ) -> Result<Self, StoreError> {
        let latest: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM documents")
            .fetch_one(&read)
            .await?;
        Ok(SqliteStore {
            write: Writer::new(write),
            read,
            vault,
            latest: watch::Sender::new(latest),
            incarnation: uuid::Uuid::now_v7().to_string(),
            used: Mutex::new(used),
        })
    }

    /// Opens the database at `path` to look at it: nothing is made, brought up to date or written.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where it cannot be read, or is no state of ours.
    pub async fn inspect(path: &Path, vault: Option<Vault>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = &meant(path);
        schema::check_file(path, options.acquire_timeout).await?;
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(options.acquire_timeout);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.acquire_timeout)
            .connect_with(connect)
            .await?;
        Self::over(pool.clone(), pool, vault, vec![]).await
    }

    /// Writes a copy of the whole store, as of one moment, to the new file `to`, while others go on with it.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where the file is there already or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        copy::write_copy(&self.read, to).await
    }

    async fn try_write(&self) -> Result<(), StoreError> {
        let mut write = self.write.begin().await?;
        let tried = next(&mut write, "probe").await.map(drop);
        write.end(tried).await
    }
}

/// The next number of a counter.
async fn next(write: &mut Write, counter: &'static str) -> Result<i64, StoreError> {
    let sql = "INSERT INTO sequences (name, value) VALUES ($1, 1)
               ON CONFLICT (name) DO UPDATE SET value = sequences.value + 1 RETURNING value";
    Ok(sqlx::query_scalar(sql).bind(counter).fetch_one(write.on()).await?)
}

fn page(limit: u32) -> i64 {
    i64::from(limit.min(MAX_PAGE))
}

/// Makes a store beside its place and moves it there when it is whole, so that an empty file is never one of ours.
/// SQLite gives its journal the file's mode.
async fn make(path: &Path) -> Result<(), StoreError> {
    let unfinished = Scratch::beside(path);
    create_new(unfinished.path())?;
    let connect = SqliteConnectOptions::new().filename(unfinished.path());
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(connect)
        .await?;
    let made = schema::migrate(&pool).await;
    pool.close().await;
    made?;
    Ok(unfinished.place(path)?)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::PoolTimedOut => return StoreError::Busy,
            sqlx::Error::Database(e) => e.code().and_then(|code| code.parse::<u32>().ok()),
            _ => None,
        };
        // The upper bytes of an extended code say more closely why. https://sqlite.org/rescode.html
        match code.map(|code| code & 0xff) {
            Some(5 | 6) => StoreError::Busy,
            Some(8) => StoreError::ReadOnly,
            Some(11 | 26) => StoreError::Corrupt(error.to_string()),
            Some(13) => StoreError::Full,
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

    fn list_keys(&self, in_doubt: bool, now: Timestamp, limit: u32) -> StoreFuture<'_, Vec<KnownKey>> {
        self.known_keys(in_doubt, now, limit).boxed()
    }

    fn release<'a>(&'a self, scope: &'a str, key: &'a str, now: Timestamp) -> StoreFuture<'a, Released> {
        self.release_call(scope, key, now).boxed()
    }

    fn own<'a>(&'a self, ownership: &'a Ownership) -> StoreFuture<'a, ()> {
        self.write_owner(ownership).boxed()
    }

    fn disown<'a>(&'a self, things: &'a [Owned]) -> StoreFuture<'a, ()> {
        self.remove_owners(things).boxed()
    }

    fn owners<'a>(&'a self, natives: &'a [&'a str], now: Timestamp) -> StoreFuture<'a, Vec<OwnedBy>> {
        self.read_owners(natives, now).boxed()
    }

    fn probe(&self) -> StoreFuture<'_, ()> {
        self.try_write().boxed()
    }

    fn trouble(&self) -> Option<Arc<String>> {
        self.write.trouble()
    }

    fn expire(&self, now: Timestamp, limit: u32) -> StoreFuture<'_, u64> {
        let forgotten = async move { Ok(self.expire_calls(now, limit).await? + self.forget_owners(now, limit).await?) };
        forgotten.boxed()
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

    fn append_events<'a>(&'a self, deliveries: &'a [Delivered]) -> StoreFuture<'a, Vec<Appended>> {
        self.write_events(deliveries).boxed()
    }

    fn list_events(&self, after: i64, limit: u32) -> StoreFuture<'_, Vec<EventRow>> {
        self.read_events(after, limit).boxed()
    }

    fn event_span(&self) -> StoreFuture<'_, Span> {
        self.read_span().boxed()
    }

    fn expire_events(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, u64> {
        self.forget_events(before, limit).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {
            self.read.close().await;
            self.write.close().await;
            self.used.lock().await.clear();
        }
        .boxed()
    }
}
