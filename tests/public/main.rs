//! The list of what the crate promises to programs that embed it, against the sources.
//!
//! Invariant: whatever a program can name through documented modules is a row of `surface.txt`, with its signature; nothing
//! appears there, or changes, unseen. `UPDATE_SURFACE=1` writes the list anew.
//!
//! The sources are parsed: a compiler's own list needs a nightly one, and a comparison with a published version a published
//! version. Rows of what macros make are not seen: the operations' inputs and methods follow from the catalogue's table, whose
//! own tests hold them.

mod tree;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use tree::Tree;

/// More than this is no small surface.
const MOST_MODULES: usize = 50;

static ROWS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    Tree::read(&root).promised()
});

#[test]
fn what_is_promised_is_what_is_listed() {
    let rows = &*ROWS;
    let modules = rows.iter().filter(|row| row.starts_with("mod ")).count();
    assert!(modules > 5 && modules < MOST_MODULES, "{modules} modules");
    let now = rows.join("\n") + "\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/public/surface.txt");
    if std::env::var_os("UPDATE_SURFACE").is_some() {
        fs::write(&file, now).expect("the list is written");
        return;
    }
    let listed = fs::read_to_string(&file).expect("the list");
    let listed: Vec<&str> = listed.lines().collect();
    let missing: Vec<&&str> = listed
        .iter()
        .filter(|row| !rows.iter().any(|now| now == **row))
        .collect();
    let new: Vec<&String> = rows.iter().filter(|row| !listed.contains(&row.as_str())).collect();
    assert!(
        missing.is_empty() && new.is_empty(),
        "UPDATE_SURFACE=1 writes the list anew; what is gone or changed may break programs.\ngone: {missing:#?}\nnew: {new:#?}"
    );
}

#[test]
fn the_list_has_what_newcomers_use() {
    let has = |words: &[&str]| ROWS.iter().any(|row| words.iter().all(|word| row.contains(word)));
    for words in [
        &["embed::Mosaic::start", "Config", "Result"][..],
        &["embed::Request", "send"],
        &["config::Config"],
        &["embed::StartError"],
        &["use embed::Mosaic"],
    ] {
        assert!(has(words), "{words:?}");
    }
    // What is hidden is not promised, and private fields are nobody's.
    assert!(!has(&["surfaces::"]) && !has(&["program::"]));
    assert!(!has(&["embed::Mosaic.inner"]));
}
