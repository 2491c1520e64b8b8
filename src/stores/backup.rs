//! Copies of the state: taken while a gateway serves, and put back while none does.
//!
//! Invariant: nothing takes the state's place before it is whole and on the disk, and what it replaces is kept.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::lock::beside;
use super::{CopyError, OpenError, SqliteStore, StoreError, lock, look, options, vault};
use crate::config::StateConfig;

/// The most states that are kept beside the one in use.
const MOST_KEPT: u32 = 1000;

/// Writes a copy of the whole state, as of one moment, to the new file `to`. A gateway may serve meanwhile.
///
/// # Errors
/// What a start would fail with; [`StoreError::InMemory`]; or why the copy cannot be written.
pub async fn backup(config: &StateConfig, to: &Path) -> Result<(), CopyError> {
    if config.in_memory() {
        return Err(unfit(StoreError::InMemory));
    }
    if to.exists() {
        return Err(uncopied(to, "it exists; a backup is a new file"));
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
    replace(&config.path, from).map_err(unfit)
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

fn replace(path: &Path, from: &Path) -> std::io::Result<Option<PathBuf>> {
    let (new, kept) = (beside(path, ".new"), free(path)?);
    gone(std::fs::remove_file(&new))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut copy = options.open(&new)?;
    std::io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()?;
    let was_there = gone(std::fs::hard_link(path, &kept))?;
    // A journal of the old state must not be read into the new one.
    gone(std::fs::rename(beside(path, "-wal"), beside(&kept, "-wal")))?;
    gone(std::fs::remove_file(beside(path, "-shm")))?;
    std::fs::rename(&new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(was_there.then_some(kept))
}

/// Where what is replaced is kept: whoever restores twice keeps both, the wrong backup and what it replaced.
fn free(path: &Path) -> std::io::Result<PathBuf> {
    let numbered = (2..=MOST_KEPT).map(|number| beside(path, &format!(".replaced.{number}")));
    let mut places = std::iter::once(beside(path, ".replaced")).chain(numbered);
    let taken = |place: &PathBuf| place.exists() || beside(place, "-wal").exists();
    places
        .find(|place| !taken(place))
        .ok_or_else(|| std::io::Error::other("too many states that were replaced are kept beside it: remove some"))
}

/// Whether there was something; its absence is no error.
fn gone(done: std::io::Result<()>) -> std::io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
