//! Files that a start depends on, read whole: configurations, secrets, certificates.
//!
//! Invariant: only a regular file is opened, whatever links lead to it, and no more than a bound is read of it: a pipe
//! waits for its writer, a device never ends, and the kernel's own files may do both.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use thiserror::Error;

/// Where the kernel shows itself as files, which call themselves regular.
const OF_THE_KERNEL: [&str; 2] = ["/proc", "/sys"];

/// Why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum FileFault {
    /// It is not there, or not for us.
    #[error("{}", why_unreadable(*.0))]
    Unreadable(io::ErrorKind),
    /// A folder, pipe, socket, device, or a file of the kernel.
    #[error("is not a regular file")]
    NotAFile,
    /// Longer than its bound.
    #[error("is too large")]
    TooLarge,
}

/// The system's word for a file that is not there is that of no file in particular.
pub(super) fn why_unreadable(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "cannot be read: there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be read: this user may not read it".to_owned(),
        kind => format!("cannot be read: {kind}"),
    }
}

/// The content of the regular file at `path`, of at most `longest` bytes. Blocks on file I/O.
///
/// # Errors
/// [`FileFault`].
pub(crate) fn read(path: &Path, longest: usize) -> Result<Vec<u8>, FileFault> {
    let unreadable = |error: io::Error| FileFault::Unreadable(error.kind());
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(FileFault::NotAFile);
    }
    let real = fs::canonicalize(path).map_err(unreadable)?;
    if OF_THE_KERNEL.iter().any(|place| real.starts_with(place)) {
        return Err(FileFault::NotAFile);
    }
    let file = File::open(real).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let read = file.take(longest as u64 + 1).read_to_end(&mut bytes);
    match read.map_err(unreadable)? {
        count if count > longest => Err(FileFault::TooLarge),
        _ => Ok(bytes),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_bounded_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "four").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [&file, &link] {
            assert_eq!(read(path, 4), Ok(b"four".to_vec()));
            assert_eq!(read(path, 3), Err(FileFault::TooLarge));
        }
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let to_proc = folder.path().join("to-proc");
        std::os::unix::fs::symlink("/proc/self/environ", &to_proc).unwrap();
        let zero = Path::new("/dev/zero");
        let own = Path::new("/proc/self/status");
        for path in [&*pipe, &*to_proc, folder.path(), zero, own, Path::new("/proc/kmsg")] {
            assert_eq!(read(path, 4), Err(FileFault::NotAFile), "{}", path.display());
        }
        let absent = read(&folder.path().join("none"), 4);
        assert_eq!(absent, Err(FileFault::Unreadable(io::ErrorKind::NotFound)));
    }
}
