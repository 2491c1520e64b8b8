//! The tables: made where there are none, brought up to date, and refused where they are not ours or not whole.
//!
//! Invariant: a file that is refused is left as it is.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool};
use sqlx::{Connection, SqlSafeStr};

use super::super::lock::beside;
use super::super::state::StoreError;

/// The versions of the tables, in order: each one's name, what makes it of the one before, and the tables that are there
/// from it on.
const STEPS: [(&str, &str, &[&str]); 3] = [
    (
        "state",
        include_str!("../migrations/0001_state.sql"),
        &["audit", "credentials", "documents", "idempotency", "sequences"],
    ),
    (
        "events",
        include_str!("../migrations/0002_events.sql"),
        &["deliveries", "events"],
    ),
    ("owners", include_str!("../migrations/0003_owners.sql"), &["owners"]),
];
/// The latest version of the tables.
const VERSION: i64 = STEPS.len() as i64;

fn migrator() -> Migrator {
    let step = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let steps = (1..).zip(STEPS);
    Migrator::with_migrations(
        steps
            .map(|(version, (name, sql, _))| step(version, name, sql))
            .collect(),
    )
}

pub(super) async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    migrator().run(pool).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::Execute(error) => error.into(),
        error => StoreError::Failed(Box::new(error)),
    })
}

/// Refuses a file that is there and is not a whole state store of a version that we know. It is opened to be read.
///
/// # Errors
/// [`StoreError::Corrupt`], [`StoreError::Later`], or what keeps it from being read.
pub(in super::super) async fn check_file(path: &Path, patience: Duration) -> Result<(), StoreError> {
    let size = match std::fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return match beside(path, "-wal").exists() {
                true => Err(StoreError::Corrupt(
                    "the file is missing, and its journal is there".to_owned(),
                )),
                false => Ok(()),
            };
        }
        Err(error) => return Err(error.into()),
    };
    // A start makes the file and fills it in one go, so an empty one has lost what it held.
    if size == 0 {
        return Err(StoreError::Corrupt("the file is empty".to_owned()));
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(patience);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let checked = check(&mut connection).await;
    connection.close().await?;
    checked
}

async fn check(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    // Of a damaged file, three faults are enough to tell.
    let faults: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)")
        .fetch_all(&mut *connection)
        .await?;
    if faults != ["ok"] {
        return Err(StoreError::Corrupt(faults.join("; ")));
    }
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(&mut *connection)
        .await?;
    let whole = |expected: &[&str]| {
        let missing = |name: &&&str| !tables.iter().any(|table| table == **name);
        match expected.iter().find(missing) {
            Some(table) => Err(StoreError::Corrupt(format!("the table {table} is missing"))),
            None => Ok(()),
        }
    };
    // Those of the first version, whatever the file says of itself.
    whole(&["_sqlx_migrations"])?;
    whole(STEPS[0].2)?;
    let found: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut *connection)
        .await?;
    if found > VERSION {
        return Err(StoreError::Later { found, known: VERSION });
    }
    let reached = (1..).zip(STEPS).take_while(|(version, _)| *version <= found);
    reached.into_iter().try_for_each(|(_, (_, _, tables))| whole(tables))
}
