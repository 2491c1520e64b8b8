//! Copies of the state: taken while a gateway serves, and put back while none does.
//!
//! Invariant: nothing takes the state's place before it is whole and on the disk, what it replaces is kept, and no file of
//! the state in use is taken for a copy.

use std::path::{Path, PathBuf};

use super::lock::{self, beside, meant};
use super::replace::{Scratch, journal_of, replace};
use super::{CopyError, OpenError, SqliteStore, StoreError, look, options, sqlite, vault};
use crate::config::StateConfig;

/// What belongs to a state in use: its file, SQLite's beside it, and our locks.
const OWN: [&str; 6] = ["", "-wal", "-shm", "-journal", ".lock", ".serving"];

/// Writes a copy of the whole state, as of one moment, to the new file `to`. A gateway may serve meanwhile.
///
/// # Errors
/// What a start would fail with; [`StoreError::InMemory`]; or why the copy cannot be written.
pub async fn backup(config: &StateConfig, to: &Path) -> Result<(), CopyError> {
    if config.in_memory() {
        return Err(unfit(StoreError::InMemory));
    }
    refuse_own(config, to)?;
    if to.exists() {
        return Err(uncopied(to, "it exists; a backup is a new file"));
    }
    if let Some(journal) = journal_of(to) {
        let journal = journal.display();
        return Err(uncopied(
            to,
            format!("{journal} would be read into it; remove that first"),
        ));
    }
    let store = SqliteStore::inspect(&config.path, vault(config)?, options(config))
        .await
        .map_err(unfit)?;
    let copied = store.backup(to).await;
    super::StateStore::close(&store).await;
    copied.map_err(|error| uncopied(to, error.to_string()))
}

/// Puts the backup `from` in the state's place; where what was there is kept, if anything was.
///
/// # Errors
/// What a start with the backup would fail with; [`StoreError::InUse`] while a gateway runs; or the disk's word.
pub async fn restore(config: &StateConfig, from: &Path) -> Result<Option<PathBuf>, CopyError> {
    if config.in_memory() {
        return Err(unfit(StoreError::InMemory));
    }
    refuse_own(config, from)?;
    if !from.is_file() {
        return Err(uncopied(from, "there is no such backup"));
    }
    look(config, from).await.map_err(|error| match error {
        OpenError::Store(StoreError::Damaged { .. }) => {
            uncopied(from, "it is no backup of a gateway's state, or it is damaged")
        }
        OpenError::Store(error) => uncopied(from, error.to_string()),
        other => CopyError::State(other),
    })?;
    let _alone = lock::to_replace(&config.path).map_err(unfit)?;
    let (path, patience) = (meant(&config.path), config.acquire_timeout);
    lock::check_kind(&path).map_err(unfit)?;
    let new = Scratch::beside(&path);
    // Through SQLite, as it was looked at: what is in the backup's own journal belongs to it.
    sqlite::copy(from, new.path(), patience)
        .await
        .map_err(|error| uncopied(from, error.to_string()))?;
    replace(&path, new, patience, &|_step| Ok(())).await.map_err(unfit)
}

/// Refuses the state itself and what belongs to it, by whatever name.
fn refuse_own(config: &StateConfig, file: &Path) -> Result<(), CopyError> {
    let (path, named) = (meant(&config.path), meant(file));
    let own = OWN.iter().map(|ending| beside(&path, ending));
    match own.into_iter().any(|own| own == named || lock::same(&own, &named)) {
        true => Err(uncopied(
            file,
            "it is the state in use, or belongs to it; name another file",
        )),
        false => Ok(()),
    }
}

fn uncopied(file: &Path, sentence: impl Into<String>) -> CopyError {
    CopyError::Copy {
        file: file.to_owned(),
        sentence: sentence.into(),
    }
}

fn unfit(error: impl Into<StoreError>) -> CopyError {
    CopyError::State(error.into().into())
}
