//! The traps of the Git, CI, documentation and AI providers: each is named by a test or a golden cell.
//!
//! A trap is a row of the collected facts, known by letters and a number: A of the dialects of models, B of BookStack, H of
//! GitHub, HA of its Actions, GT of Gitea, GA of its Actions, F of Forgejo, GL of GitLab, J of Jenkins, N of Notion, P of its
//! trackers, W of Woodpecker. The first of them, of all providers, have a number alone, behind the word itself.
//!
//! Invariant: one that nothing names is left to something that is named here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What stands before the number of a trap that has no letters, and may be a word of its own.
const TRAP: &str = "trap";

/// How many of each there are.
const TRAPS: [(&str, usize); 13] = [
    ("a", 36),
    ("b", 30),
    ("f", 4),
    ("ga", 7),
    ("gl", 30),
    ("gt", 33),
    ("h", 29),
    ("ha", 11),
    ("j", 20),
    ("n", 33),
    ("p", 5),
    (TRAP, 25),
    ("w", 12),
];

/// Traps of what is not done at all.
const LEFT: [(&str, &str); 5] = [
    ("b21", "no operation reads or writes images alone"),
    ("b29", "no operation changes permissions"),
    ("gl10", "no operation rebases"),
    (
        "h21",
        "writes are not paced beforehand: a secondary limit is waited out",
    ),
    ("n26", "nothing is asked for that is answered later"),
];

/// Words of the names of files below a folder, and of the texts of tests and of where goldens come from; of what is not a
/// test as a `whole`, only those of its unit tests.
fn words(folder: &Path, whole: bool, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let tells = name == "provenance" || name.ends_with(".rs");
        // This file names them all.
        let text = match path.is_dir() {
            true => String::new(),
            false if tells && !path.ends_with("tests/traps.rs") => fs::read_to_string(&path).expect("a text"),
            false => String::new(),
        };
        let text = match whole {
            true => &text,
            false => text.split_once("mod tests {").map_or("", |(_, tests)| tests),
        };
        for text in [name, text] {
            let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
            let parts: Vec<_> = parts.map(str::to_ascii_lowercase).collect();
            let apart = parts.windows(2).filter(|two| matches!(two[0].as_str(), TRAP | "traps"));
            found.extend(apart.map(|two| format!("{TRAP}{}", two[1])));
            found.extend(parts);
        }
        if path.is_dir() {
            words(&path, whole, found);
        }
    }
}

#[test]
fn every_trap_is_named_by_what_shows_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    words(&root.join("tests"), true, &mut found);
    words(&root.join("src/providers"), false, &mut found);
    let traps = TRAPS
        .iter()
        .flat_map(|(letters, most)| (1..=*most).map(move |number| format!("{letters}{number}")));
    let left: BTreeSet<&str> = LEFT.iter().map(|(trap, _)| *trap).collect();
    let (named, silent): (Vec<String>, Vec<String>) = traps.partition(|trap| found.contains(trap));
    let silent: Vec<_> = silent.iter().filter(|trap| !left.contains(trap.as_str())).collect();
    assert!(silent.is_empty(), "nothing names {silent:?}");
    let needless: Vec<_> = named.iter().filter(|trap| left.contains(trap.as_str())).collect();
    assert!(needless.is_empty(), "{needless:?} is named, and left all the same");
}
