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
    let place = beside(&meant(path), ending);
    check_kind(&place)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // To open a pipe that took its place since waits for nobody.
        options
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = options.open(&place)?;
    match lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(refused()),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Refuses what is there and is no file: to open a pipe waits for its other end.
pub(super) fn check_kind(path: &Path) -> Result<(), StoreError> {
    match path.metadata() {
        Ok(found) if !found.is_file() => Err(StoreError::NotAFile {
            file: path.display().to_string(),
        }),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether two names are of one file that is there.
pub(super) fn same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// The file itself, by whatever symbolic links it is named, also before it is there: who names it otherwise meets the same
/// lock.
pub(super) fn meant(path: &Path) -> PathBuf {
    /// As many as an operating system follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match path.read_link() {
            Ok(target) => path = path.parent().unwrap_or(Path::new(".")).join(target),
            Err(_no_link) => break,
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    match (folder, path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_meant_by_each_of_its_links_also_before_it_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("below")).expect("a folder");
        std::os::unix::fs::symlink("below/state.db", at("link")).expect("a link");
        std::os::unix::fs::symlink("link", at("second")).expect("a link");
        let file = at("below/state.db")
            .parent()
            .expect("a folder")
            .canonicalize()
            .expect("it is there");
        for name in ["below/state.db", "link", "second", "below/../below/state.db"] {
            assert_eq!(meant(&at(name)), file.join("state.db"), "{name}");
        }
        std::fs::write(at("below/state.db"), "").expect("written");
        assert_eq!(meant(&at("second")), file.join("state.db"));
        // Links that lead round end, too.
        std::os::unix::fs::symlink("round", at("round")).expect("a link");
        assert!(meant(&at("round")).ends_with("round"));
    }
}
