//! The golden cells on disk: `tests/golden/<kind>/<operation>[.<variant>]`.
//!
//! Invariant: a cell is read whole or the test fails; none is passed over.

use std::fs;
use std::path::{Path, PathBuf};

use mosaic::catalogue::{self, OPERATIONS};
use serde_json::Value;

use super::Canned;

/// One cell.
pub struct Cell {
    pub folder: PathBuf,
    pub kind: String,
    pub operation: String,
    /// The provider's answers, in order.
    pub answers: Vec<Canned>,
    /// Where each comes from.
    pub provenance: Vec<String>,
}

impl Cell {
    /// Reads one of its files.
    pub fn read(&self, file: &str) -> Value {
        read(&self.folder, file)
    }

    /// Its input, which may stand beside what else is asked for.
    pub fn input(&self) -> Value {
        let mut read = self.read("input.json");
        let beside = ["include_raw", "upload", "settings"];
        match beside.iter().any(|name| read.get(name).is_some()) {
            true => read["input"].take(),
            false => read,
        }
    }

    /// What the instance is set to.
    pub fn settings(&self) -> serde_json::Map<String, Value> {
        let set = self.read("input.json").get("settings").cloned().unwrap_or_default();
        set.as_object().cloned().unwrap_or_default()
    }

    /// For messages.
    pub fn name(&self) -> String {
        format!("{}/{}", self.kind, name_of(&self.folder))
    }
}

/// Every cell, in order.
pub fn cells() -> Vec<Cell> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cells = vec![];
    for kind in folders(&root) {
        for folder in folders(&kind) {
            let name = name_of(&folder);
            let provenance = fs::read_to_string(folder.join("provenance")).expect("provenance");
            cells.push(Cell {
                kind: name_of(&kind),
                operation: operation_of(&name),
                answers: serde_json::from_value(read(&folder, "wire.json")).expect("wire.json"),
                provenance: provenance.lines().map(str::to_owned).collect(),
                folder,
            });
        }
    }
    cells
}

/// The operation whose name a cell's begins with: the longest, where several do.
fn operation_of(cell: &str) -> String {
    let begins = |name: &&str| {
        cell.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let names = OPERATIONS.iter().map(catalogue::Entry::name).filter(begins);
    let longest = names.max_by_key(|name| name.len());
    longest.unwrap_or_else(|| panic!("{cell}: no operation")).to_owned()
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn name_of(folder: &Path) -> String {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.expect("a name").to_owned()
}

fn read(folder: &Path, file: &str) -> Value {
    let path = folder.join(file);
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
