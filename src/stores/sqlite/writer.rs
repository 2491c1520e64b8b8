//! The one connection that writes, and the one way to it: an explicit transaction.
//!
//! Invariant: a value that a statement returned leaves here only after its commit succeeded. SQLite hands out the row of
//! `INSERT ... RETURNING` before it commits, so outside of a transaction a full disk looks like success.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::super::state::StoreError;

/// Where writes go.
pub(super) struct Writer {
    pool: SqlitePool,
    /// Why the last write failed for the database's sake.
    trouble: Arc<ArcSwapOption<String>>,
}

/// A transaction that holds the write lock. Unless it is ended, nothing of it happens.
#[must_use = "nothing is written before `end`"]
pub(super) struct Write {
    connection: PoolConnection<Sqlite>,
    trouble: Arc<ArcSwapOption<String>>,
    open: bool,
}

impl Writer {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Writer {
            pool,
            trouble: Arc::default(),
        }
    }

    /// Takes the write lock at once: a transaction that reads first and writes later could be refused half way.
    pub(super) async fn begin(&self) -> Result<Write, StoreError> {
        let begun = async {
            let mut write = Write {
                connection: self.pool.acquire().await?,
                trouble: self.trouble.clone(),
                open: true,
            };
            sqlx::query("BEGIN IMMEDIATE").execute(&mut *write.connection).await?;
            Ok(write)
        };
        begun.await.inspect_err(|error| note(&self.trouble, error))
    }

    /// Why the store cannot be written, as far as it was tried last.
    pub(super) fn trouble(&self) -> Option<Arc<String>> {
        self.trouble.load_full()
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Write {
    /// The connection within the transaction.
    pub(super) fn on(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Ends it: what went well is committed, and true only then; what failed is undone.
    pub(super) async fn end<T>(mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let ended = match outcome {
            Ok(value) => {
                let committed = sqlx::query("COMMIT").execute(&mut *self.connection).await;
                committed.map(|_| value).map_err(StoreError::from)
            }
            Err(error) => {
                // Where SQLite has undone it by itself (a full disk), this fails, and the connection is given up.
                let undone = sqlx::query("ROLLBACK").execute(&mut *self.connection).await;
                self.open = undone.is_err();
                Err(error)
            }
        };
        match &ended {
            Ok(_) => {
                self.open = false;
                self.trouble.store(None);
            }
            Err(error) => note(&self.trouble, error),
        }
        ended
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if self.open {
            // Whatever state it is in, no later write begins with it; closed, SQLite undoes what is open.
            self.connection.close_on_drop();
        }
    }
}

fn note(trouble: &ArcSwapOption<String>, error: &StoreError) {
    use StoreError::{Busy, Corrupt, Failed, Full, Later, ReadOnly};
    // These speak of the database, the others of what was asked.
    if matches!(error, Busy | Full | ReadOnly | Corrupt(_) | Later { .. } | Failed(_)) {
        trouble.store(Some(Arc::new(error.to_string())));
    }
}
