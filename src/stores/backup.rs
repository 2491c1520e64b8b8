//! Copies of the state: taken while a gateway serves, and put back while none does.
//!
//! Invariant: nothing takes the state's place before it is whole and on the disk, and what it replaces is kept.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{OpenError, SqliteStore, StoreError, look, options, vault};
use crate::config::StateConfig;

/// Writes a copy of the whole state, as of one moment, to the new file `to`. A gateway may serve meanwhile.
///
/// # Errors
/// What a start would fail with; [`StoreError::InMemory`]; or why the copy cannot be written.
pub async fn backup(config: &StateConfig, to: &Path) -> Result<(), OpenError> {
    if config.in_memory() {
        return Err(StoreError::InMemory.into());
    }
    let store = SqliteStore::inspect(&config.path, vault(config)?, options(config)).await?;
    let copied = store.backup(to).await;
    super::StateStore::close(&store).await;
    Ok(copied?)
}

/// Puts the backup `from` in the state's place; where what was there is kept, if anything was.
///
/// # Errors
/// What a start with the backup would fail with; [`StoreError::InUse`] while a gateway runs; or the disk's word.
pub async fn restore(config: &StateConfig, from: &Path) -> Result<Option<PathBuf>, OpenError> {
    if config.in_memory() {
        return Err(StoreError::InMemory.into());
    }
    if !from.exists() {
        let missing = std::io::Error::new(ErrorKind::NotFound, "there is no such backup");
        return Err(StoreError::from(missing).into());
    }
    look(config, from).await?;
    let lock = lock_file(&config.path).map_err(StoreError::from)?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::InUse,
        TryLockError::Error(error) => error.into(),
    })?;
    Ok(replace(&config.path, from).map_err(StoreError::from)?)
}

/// Notes for as long as it lives that the state is in use. Any number may use it.
pub(super) fn in_use(path: &Path) -> Result<File, StoreError> {
    let lock = lock_file(path)?;
    lock.try_lock_shared().map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::InUse,
        TryLockError::Error(error) => error.into(),
    })?;
    Ok(lock)
}

/// A file of its own: closing the database's would end SQLite's own locks on it.
fn lock_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(beside(path, ".lock"))
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn replace(path: &Path, from: &Path) -> std::io::Result<Option<PathBuf>> {
    let (new, kept) = (beside(path, ".new"), beside(path, ".replaced"));
    for old in [&new, &kept, &beside(&kept, "-wal")] {
        gone(std::fs::remove_file(old))?;
    }
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

/// Whether there was something; its absence is no error.
fn gone(done: std::io::Result<()>) -> std::io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
