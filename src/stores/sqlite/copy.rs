//! A database in one file: copied away, or with its journal taken in.
//!
//! Invariant: SQLite reads and writes it, so that its journal is never left behind.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteExecutor};
use sqlx::{ConnectOptions, Connection};

use super::super::state::StoreError;

/// Writes all that the database at `from` holds to the new file `to`, which is on the disk then.
///
/// # Errors
/// Where `from` cannot be read, or `to` is there already or cannot be written.
pub(in super::super) async fn copy(from: &Path, to: &Path, patience: Duration) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(from)
        .read_only(true)
        .busy_timeout(patience);
    let mut connection = options.connect().await?;
    let copied = write_copy(&mut connection, to).await;
    connection.close().await?;
    copied
}

/// As [`copy`], of the database at hand.
pub(super) async fn write_copy(from: impl SqliteExecutor<'_>, to: &Path) -> Result<(), StoreError> {
    create_new(to)?;
    let name = to.to_str().ok_or(StoreError::BadName { what: "file name" })?;
    let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(from).await;
    if let Err(error) = copied {
        // Half a copy is worse than none.
        std::fs::remove_file(to)?;
        return Err(error.into());
    }
    Ok(std::fs::File::open(to)?.sync_all()?)
}

/// Takes the journal of the database at `path` into its file, and leaves the journal empty.
///
/// # Errors
/// [`StoreError::Busy`] where somebody else uses it, or the disk's word.
pub(in super::super) async fn settle(path: &Path, patience: Duration) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(patience);
    let mut connection: SqliteConnection = options.connect().await?;
    let settled = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut connection)
        .await;
    connection.close().await?;
    let (busy, _frames, _taken): (i64, i64, i64) = settled?;
    match busy {
        0 => Ok(()),
        _ => Err(StoreError::Busy),
    }
}

/// Makes a file that is not there, for its owner alone. SQLite writes a copy into an empty file.
pub(in super::super) fn create_new(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
