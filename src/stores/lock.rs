//! Who uses a file of state: the system's locks on files beside it.
//!
//! Invariant: a lock ends with its process, however that ends. Any number may use the state, of which one serves with it;
//! who replaces it is alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Notes for as long as it lives that the state is in use. Any number may use it.
pub(super) fn in_use(path: &Path) -> Result<File, StoreError> {
    taken(path, ".lock", File::try_lock_shared, || StoreError::InUse)
}

/// The right to replace the state, which nobody uses meanwhile.
pub(super) fn to_replace(path: &Path) -> Result<File, StoreError> {
    taken(path, ".lock", File::try_lock, || StoreError::InUse)
}

/// The right to serve with the state. Whoever serves takes the claims of others for those of the dead.
pub(super) fn to_serve(path: &Path) -> Result<File, StoreError> {
    let file = path.display().to_string();
    taken(path, ".serving", File::try_lock, || StoreError::Served { file })
}

/// Takes a lock on a file of its own: closing the database's would end SQLite's own locks on it.
fn taken(
    path: &Path,
    ending: &str,
    lock: fn(&File) -> Result<(), TryLockError>,
    refused: impl FnOnce() -> StoreError,
) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(beside(&meant(path), ending))?;
    match lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(refused()),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The file itself, by whatever links it is named: who names it otherwise meets the same lock.
fn meant(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
