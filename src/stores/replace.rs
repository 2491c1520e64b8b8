//! Another state in the state's place, and what was there beside it.
//!
//! Invariant: wherever it breaks off, the old state is whole with its journal or the new one is. Of an old state that is
//! damaged all is kept first, and until the new one is there it is refused as damaged.

use std::fs::File;
use std::io::{Error, ErrorKind, Result as Done};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;
use super::lock::beside;
use super::sqlite::{check_file, copy, create_new, settle};

/// The most states that are kept beside the one in use.
const MOST_KEPT: u32 = 1000;
/// What SQLite would read into whatever file it lies beside.
const JOURNALS: [&str; 2] = ["-wal", "-journal"];

/// What is done next; a test breaks off before each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// What was there is copied.
    Copy,
    /// The copy gets its name.
    Keep,
    /// The journal of a sound state goes into its file.
    Settle,
    /// A damaged state's file is emptied.
    Empty,
    /// A damaged state's journal is removed.
    Unjournal,
    /// The new state takes its place.
    Place,
    /// What is left beside it is removed.
    Clear,
}

/// Asked before each step.
pub(super) type Before<'a> = &'a (dyn Fn(Step) -> Done<()> + Sync);

/// Puts the whole state `new` in the place of the one at `path`, which nobody uses; where that one is kept.
///
/// # Errors
/// The disk's word, or [`StoreError::Busy`] where a stranger holds the old state's file.
pub(super) async fn replace(
    path: &Path,
    new: Scratch,
    patience: Duration,
    before: Before<'_>,
) -> Result<Option<PathBuf>, StoreError> {
    let kept = match there(path) {
        false => None,
        true => {
            let kept = free(path)?;
            match check_file(path, patience).await {
                Ok(()) | Err(StoreError::Later { .. }) => keep_sound(path, &kept, patience, before).await?,
                Err(StoreError::Busy) => return Err(StoreError::Busy),
                Err(_damaged) => keep_damaged(path, &kept, before)?,
            }
            Some(kept)
        }
    };
    before(Step::Place)?;
    new.place(path)?;
    before(Step::Clear)?;
    // Nothing is in them; they are of a file that is gone.
    for ending in JOURNALS.iter().chain(&["-shm"]) {
        gone(std::fs::remove_file(beside(path, ending)))?;
    }
    sync_folder(path)?;
    Ok(kept)
}

/// Keeps a state in one file, and leaves it with nothing in its journal: the next file in its place must not read that.
async fn keep_sound(path: &Path, kept: &Path, patience: Duration, before: Before<'_>) -> Result<(), StoreError> {
    before(Step::Copy)?;
    let whole = Scratch::beside(path);
    copy(path, whole.path(), patience).await?;
    before(Step::Keep)?;
    whole.place(kept)?;
    before(Step::Settle)?;
    let journaled = || JOURNALS.iter().any(|ending| holds(&beside(path, ending)));
    if journaled() {
        settle(path, patience).await?;
    }
    match journaled() {
        true => Err(StoreError::Busy),
        false => Ok(()),
    }
}

/// Keeps the files of a state that SQLite cannot read as they are. Then its file is emptied before its journal goes: a file
/// without its journal could pass for a sound one, and no file at all for a first start.
fn keep_damaged(path: &Path, kept: &Path, before: Before<'_>) -> Done<()> {
    before(Step::Copy)?;
    let mut copies = Vec::new();
    for ending in JOURNALS.iter().chain(&[""]) {
        let from = beside(path, ending);
        if from.exists() {
            copies.push((Scratch::copy(&from, path)?, beside(kept, ending)));
        }
    }
    before(Step::Keep)?;
    for (whole, to) in copies {
        whole.place(&to)?;
    }
    before(Step::Empty)?;
    let empty = Scratch::beside(path);
    create_new(empty.path())?;
    empty.place(path)?;
    before(Step::Unjournal)?;
    for ending in JOURNALS {
        gone(std::fs::remove_file(beside(path, ending)))?;
    }
    sync_folder(path)
}

/// A file under a name that nobody else has, in the folder where it is to be; it goes if it does not get there.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn beside(path: &Path) -> Scratch {
        Scratch(beside(path, &format!(".{}.new", uuid::Uuid::now_v7())))
    }

    fn copy(from: &Path, path: &Path) -> Done<Scratch> {
        let scratch = Scratch::beside(path);
        create_new(scratch.path())?;
        let mut to = File::options().write(true).open(scratch.path())?;
        std::io::copy(&mut File::open(from)?, &mut to)?;
        to.sync_all()?;
        Ok(scratch)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it its name, for good.
    pub(super) fn place(self, to: &Path) -> Done<()> {
        std::fs::rename(&self.0, to)?;
        sync_folder(to)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Placed, it is not there; what keeps the rest is in nobody's way under this name.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn there(path: &Path) -> bool {
    path.exists() || JOURNALS.iter().any(|ending| beside(path, ending).exists())
}

fn holds(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.len() > 0)
}

/// Where what is replaced is kept: whoever restores twice keeps both, the wrong backup and what it replaced.
fn free(path: &Path) -> Done<PathBuf> {
    let numbered = (2..=MOST_KEPT).map(|number| beside(path, &format!(".replaced.{number}")));
    let mut places = std::iter::once(beside(path, ".replaced")).chain(numbered);
    places
        .find(|place| !there(place))
        .ok_or_else(|| Error::other("too many states that were replaced are kept beside it: remove some"))
}

/// The file's name is on the disk only when its folder is.
fn sync_folder(path: &Path) -> Done<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Its absence is no error.
fn gone(done: Done<()>) -> Done<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// A journal that lies beside a file, which SQLite would read into it.
pub(super) fn journal_of(path: &Path) -> Option<PathBuf> {
    JOURNALS
        .map(|ending| beside(path, ending))
        .into_iter()
        .find(|journal| journal.exists())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stores::{Expected, SqliteOptions, SqliteStore, StateStore};

    const PATIENCE: Duration = Duration::from_secs(5);
    const STEPS: [Step; 7] = [
        Step::Copy,
        Step::Keep,
        Step::Settle,
        Step::Empty,
        Step::Unjournal,
        Step::Place,
        Step::Clear,
    ];

    async fn store(path: &Path) -> SqliteStore {
        SqliteStore::open(path, None, SqliteOptions::default())
            .await
            .expect("it opens")
    }

    /// The files that a killed process leaves: `id` is in the journal alone.
    async fn killed(path: &Path, id: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let running = folder.path().join("state.db");
        let store = store(&running).await;
        store
            .put_document("rule", id, &json!(1), Expected::Any)
            .await
            .expect("written");
        for ending in ["", "-wal"] {
            std::fs::copy(beside(&running, ending), beside(path, ending)).expect("copied");
        }
        store.close().await;
    }

    async fn ids(path: &Path) -> Vec<String> {
        let store = store(path).await;
        let found = store.list_documents("rule", "", 10).await.expect("read");
        store.close().await;
        found.into_iter().map(|document| document.id).collect()
    }

    async fn broken_off(path: &Path, at: Step) -> Result<Option<PathBuf>, StoreError> {
        let backup = tempfile::tempdir().expect("a folder");
        let backup = backup.path().join("copy.db");
        killed(&backup, "new").await;
        let new = Scratch::beside(path);
        copy(&backup, new.path(), PATIENCE).await.expect("copied");
        let before = move |step| match step == at {
            true => Err(Error::from(ErrorKind::StorageFull)),
            false => Ok(()),
        };
        replace(path, new, PATIENCE, &before).await
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("read");
        let name = |entry: Done<std::fs::DirEntry>| entry.expect("read").file_name().into_string().expect("plain");
        entries.map(name).collect()
    }

    #[tokio::test]
    async fn wherever_a_replacement_breaks_off_one_of_the_two_states_is_whole_in_place() {
        for step in STEPS {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("state.db");
            killed(&path, "old").await;
            let done = broken_off(&path, step).await;
            let skipped = matches!(step, Step::Empty | Step::Unjournal);
            assert_eq!(done.is_ok(), skipped, "{step:?}: {done:?}");
            let scratch = |name: &String| name.ends_with(".new");
            assert!(!names(folder.path()).iter().any(scratch), "{step:?}");
            let new = skipped || step == Step::Clear;
            assert_eq!(ids(&path).await, [if new { "new" } else { "old" }], "{step:?}");
            if new {
                let kept = beside(&path, ".replaced");
                assert!(journal_of(&kept).is_none(), "it is in one file");
                assert_eq!(ids(&kept).await, ["old"], "{step:?}");
            }
        }
    }

    #[tokio::test]
    async fn wherever_the_replacement_of_a_damaged_state_breaks_off_all_of_it_is_kept_and_refused() {
        for (step, main) in STEPS.iter().flat_map(|step| [(*step, true), (*step, false)]) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("state.db");
            killed(&path, "old").await;
            match main {
                true => std::fs::write(&path, "no database").expect("written"),
                false => std::fs::remove_file(&path).expect("removed"),
            }
            let journal = std::fs::read(beside(&path, "-wal")).expect("read");
            let done = broken_off(&path, step).await;
            assert_eq!(done.is_ok(), step == Step::Settle, "{step:?}: {done:?}");
            if matches!(step, Step::Settle | Step::Clear) {
                assert_eq!(ids(&path).await, ["new"], "{step:?}");
            } else {
                let opened = SqliteStore::open(&path, None, SqliteOptions::default()).await;
                let refused = opened.err().expect("it is damaged");
                assert!(matches!(refused, StoreError::Corrupt(_)), "{step:?}: {refused}");
            }
            let still = match step {
                Step::Copy | Step::Keep => path.clone(),
                _ => beside(&path, ".replaced"),
            };
            let whole = std::fs::read(beside(&still, "-wal")).expect("it is there") == journal;
            assert!(whole, "{step:?}");
            assert_eq!(
                std::fs::read(&still).ok().as_deref(),
                main.then_some(&b"no database"[..])
            );
        }
    }
}
