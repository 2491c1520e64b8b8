//! The capability matrix against the collected table of operations, against the golden cells, and in README.
//!
//! Invariant: what a driver says it can do was proposed for it or is named here, and has a golden that passes.

mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mosaic::catalogue::Catalogue;
use mosaic::providers::KINDS;
use mosaic::providers::matrix::{MatrixRow, matrix};
use upstream::cells::cells;
use upstream::specs;

/// How the table names kinds.
const LETTERS: [(&str, &str); 5] = [
    ("GH", "github"),
    ("GT", "gitea"),
    ("GL", "gitlab"),
    ("JK", "jenkins"),
    ("WP", "woodpecker"),
];
/// The services that the table is followed in, wholly.
const WHOLE: [&str; 2] = ["git", "cicd"];
/// What is offered beyond the table: an operation that it lacks, or one that is made of others where it has no row.
const BEYOND: [(&str, &str); 6] = [
    ("git.file.download", ""),
    ("git.pr.reviews", ""),
    ("git.pr.comments", ""),
    ("cicd.run.wait", ""),
    ("cicd.log.follow", "gitea"),
    ("cicd.log.follow", "github"),
];
/// Where README's table begins and ends.
const BEGIN: &str = "<!-- the matrix: UPDATE_README=1 cargo test --test matrix -->\n";
const END: &str = "<!-- the end of the matrix -->\n";

/// An operation at a kind.
type Pair = (String, String);

fn service(operation: &str) -> &str {
    operation.split('.').next().unwrap_or_default()
}

fn rows() -> Vec<MatrixRow> {
    matrix(&Catalogue::built_in(), KINDS)
}

fn able() -> BTreeSet<Pair> {
    let rows = rows().into_iter();
    rows.flat_map(|row| {
        row.kinds
            .into_iter()
            .map(move |kind| (row.name.to_owned(), kind.to_owned()))
    })
    .collect()
}

/// The pairs of the services that are followed wholly, and whether the table has a request for them.
fn proposed(table: &str) -> BTreeMap<Pair, bool> {
    let fields = |line: &str| -> [String; 3] {
        let mut fields = line.split('\t').map(str::to_owned);
        std::array::from_fn(|_| fields.next().expect("three fields"))
    };
    let lines = table.lines().skip(1).map(fields);
    let followed = lines.filter(|[operation, ..]| WHOLE.contains(&service(operation)));
    let pair = |[operation, letters, request]: [String; 3]| {
        let (_, kind) = LETTERS.iter().find(|(known, _)| *known == letters).expect("a kind");
        ((operation, (*kind).to_owned()), request != "UNSUPPORTED")
    };
    followed.map(pair).collect()
}

#[test]
fn every_cell_of_the_table_is_there_or_cannot_be() {
    let Some(folder) = specs::folder() else {
        return;
    };
    let table = fs::read_to_string(folder.join("operation-catalogue.tsv")).expect("the table");
    let proposed = proposed(&table);
    let beyond = |(operation, kind): &Pair| {
        let known = BEYOND.iter();
        known
            .into_iter()
            .any(|(name, only)| name == operation && (only.is_empty() || only == kind))
    };
    let wanted: BTreeSet<Pair> = proposed
        .iter()
        .filter(|(_, can)| **can)
        .map(|(pair, _)| pair.clone())
        .collect();
    let found: BTreeSet<Pair> = able()
        .into_iter()
        .filter(|pair| WHOLE.contains(&service(&pair.0)) && !beyond(pair))
        .collect();
    assert_eq!(found, wanted);
    for (name, only) in BEYOND {
        let pair = (name.to_owned(), only.to_owned());
        assert!(!proposed.contains_key(&pair), "{name} {only}: the table has it by now");
        assert!(
            able()
                .iter()
                .any(|(operation, kind)| operation == name && (only.is_empty() || only == kind)),
            "{name}"
        );
    }
}

#[test]
fn every_cell_of_the_matrix_has_a_golden_that_succeeds() {
    let succeeds = |cell: &upstream::cells::Cell| cell.read("neutral.json").get("failure").is_none();
    let golden: BTreeSet<Pair> = cells()
        .into_iter()
        .filter(succeeds)
        .map(|cell| (cell.operation, cell.kind))
        .collect();
    assert_eq!(golden, able(), "a golden that succeeds for each cell, and for no other");
}

#[test]
fn readme_shows_the_matrix() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("README");
    let (before, rest) = readme.split_once(BEGIN).expect("its begin");
    let (table, after) = rest.split_once(END).expect("its end");
    let now = tables();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{now}{END}{after}")).expect("written");
    } else {
        assert!(table == now, "UPDATE_README=1 writes it anew:\n{now}");
    }
}

/// A table for each service, with a column for each kind that can do anything there.
fn tables() -> String {
    let rows = rows();
    let mut services: Vec<&str> = vec![];
    for row in &rows {
        if !services.contains(&service(row.name)) {
            services.push(service(row.name));
        }
    }
    let tables = services
        .into_iter()
        .map(|name| table(rows.iter().filter(|row| service(row.name) == name)));
    format!("\n{}", tables.collect::<Vec<_>>().join("\n") + "\n")
}

fn table<'a>(rows: impl Iterator<Item = &'a MatrixRow>) -> String {
    let rows: Vec<&MatrixRow> = rows.collect();
    let kinds: BTreeSet<&str> = rows.iter().flat_map(|row| row.kinds.iter().copied()).collect();
    let line = |first: &str, cells: Vec<&str>| format!("| {first} | {} |\n", cells.join(" | "));
    let mut text = line("operation", kinds.iter().copied().collect());
    text.push_str(&format!("|---|{}\n", ":-:|".repeat(kinds.len())));
    for row in rows {
        let cell = |kind: &&str| match (row.kinds.contains(kind), row.emulated.contains(kind)) {
            (_, true) => "emulated",
            (true, false) => "yes",
            (false, false) => "",
        };
        text.push_str(&line(&format!("`{}`", row.name), kinds.iter().map(cell).collect()));
    }
    text
}
