//! Whether a file of state can be where a configuration wants it.
//!
//! Invariant: the system is asked, and nothing is made.

use std::path::Path;

use rustix::fs::{Access, access};

use super::StoreError;

/// Looks at the file's folder, and at the file where there is one.
///
/// # Errors
/// `Place` where the folder is none, or no file can be made in it; `ReadOnly` where the file cannot be written.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
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
    match path.exists() {
        true => access(path, Access::READ_OK | Access::WRITE_OK).map_err(|_| StoreError::ReadOnly),
        false => Ok(()),
    }
}
