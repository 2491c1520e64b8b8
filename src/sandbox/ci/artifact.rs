//! What a run leaves behind.
//!
//! Invariant: an artifact is there only when its attempt has ended, and an expired one has no content any more.

use bytes::Bytes;

use super::zip::zip;

/// An artifact: files under a name.
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    pub id: u64,
    pub name: &'static str,
    pub expired: bool,
    /// Path and content of each file.
    pub files: Vec<(String, Bytes)>,
}

impl Artifact {
    /// The report of a run.
    pub fn report(id: u64, name: &'static str, number: u64, instance: &str) -> Self {
        let text = format!("run,{number}\ninstance,{instance}\n");
        let page = format!("<!doctype html>\n<title>Run {number}: Grüße</title>\n");
        Self {
            id,
            name,
            expired: false,
            files: vec![
                ("report.csv".to_owned(), text.into()),
                ("html/index.html".to_owned(), page.into()),
            ],
        }
    }

    /// All files as one archive.
    pub fn zipped(&self) -> Bytes {
        zip(self.files.iter().map(|(path, content)| (path.as_str(), content)))
    }
}
