//! Whether a file of state can be where a configuration wants it.
//!
//! Invariant: the system is asked, and nothing is made.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access};

use super::StoreError;
use super::lock::{check_kind, meant};

/// Looks at the file's folder, and at the file where there is one.
///
/// # Errors
/// `Place` where the folder is none, or no file can be made in it; `ReadOnly` where the file cannot be written; `NotAFile` or
/// `Linked` where something else is there, or a file of several names.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let linked = path.is_symlink().then(|| meant(path));
    let path = linked.as_deref().unwrap_or(path);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or_else(|| Path::new("."));
    let wrong = |why: String| StoreError::Place {
        folder: folder.display().to_string(),
        why,
    };
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(wrong("it is no folder".to_owned())),
        Err(error) => return Err(wrong(error.kind().to_string())),
    }
    // Beside the file stand its journal and its lock.
    access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| wrong(std::io::Error::from(error).kind().to_string()))?;
    check_kind(path)?;
    let Ok(found) = path.metadata() else {
        return Ok(());
    };
    if found.nlink() > 1 {
        return Err(StoreError::Linked {
            file: path.display().to_string(),
            links: found.nlink(),
        });
    }
    access(path, Access::READ_OK | Access::WRITE_OK).map_err(|_| StoreError::ReadOnly)
}
