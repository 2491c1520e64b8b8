//! The capability matrix against the collected table of operations, against the golden cells, and in README.
//!
//! Invariant: what a driver says it can do was proposed for it or is named here, and has a golden that passes, one that is
//! refused and, of a list, one of each sort of page.

mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mosaic::catalogue::{self, Catalogue};
use mosaic::providers::KINDS;
use mosaic::providers::matrix::{MatrixRow, matrix};
use upstream::cells::{Cell, cells};
use upstream::specs;

/// How the table names kinds.
const LETTERS: [(&str, &str); 9] = [
    ("AN", "anthropic"),
    ("BS", "bookstack"),
    ("GH", "github"),
    ("GL", "gitlab"),
    ("GT", "gitea"),
    ("JK", "jenkins"),
    ("NO", "notion"),
    ("OA", "openai"),
    ("WP", "woodpecker"),
];
/// The services that the table is followed in, wholly.
const WHOLE: [&str; 5] = ["git", "cicd", "docs", "projects", "ai"];
/// What is offered beyond the table: an operation that it lacks, or one that is made of others where it has no row, or one
/// that says so.
const BEYOND: [(&str, &str); 17] = [
    ("ai.file.list", ""),
    ("ai.file.content", ""),
    ("ai.file.delete", ""),
    ("ai.response.stream", ""),
    ("git.file.download", ""),
    ("git.file.upload", ""),
    ("git.pr.reviews", ""),
    ("git.pr.comments", ""),
    ("cicd.run.wait", ""),
    ("cicd.run.approve", "jenkins"),
    ("cicd.log.follow", "gitea"),
    ("cicd.log.follow", "github"),
    ("docs.page.append", "bookstack"),
    ("docs.page.export", ""),
    ("docs.attachment.list", ""),
    ("docs.attachment.get", ""),
    ("projects.board.items", "gitlab"),
];
/// Where README's table begins and ends.
const BEGIN: &str = "<!-- the matrix: UPDATE_README=1 cargo test --test matrix -->\n";
const END: &str = "<!-- the end of the matrix -->\n";

/// Whether a golden's page is of a sort: of one that has rows, of which there are more, and that a cursor asked for.
type Sort = fn((bool, bool, bool)) -> bool;
/// The sorts of pages that a list has a golden of each.
const PAGES: [(&str, Sort); 3] = [
    ("without rows", |(rows, more, _)| !rows && !more),
    ("that goes on", |(_, more, _)| more),
    ("behind which there is none", |(rows, more, cursor)| {
        rows && !more && cursor
    }),
];
/// The lists that no provider could be shown to give so, and why.
const ONE_PAGE: [(&str, &str, &str, &str); 2] = [
    ("ai.models.list", "openai", "that goes on", "all models come at once"),
    (
        "ai.models.list",
        "openai",
        "behind which there is none",
        "all models come at once: nothing has a cursor",
    ),
];

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
        let has = proposed.get(&pair).is_some_and(|can| *can);
        assert!(!has, "{name} {only}: the table has it by now");
        assert!(
            able()
                .iter()
                .any(|(operation, kind)| operation == name && (only.is_empty() || only == kind)),
            "{name}"
        );
    }
}

/// The operations and kinds that have such a golden.
fn golden(is: impl Fn(&Cell) -> bool) -> BTreeSet<Pair> {
    let such = cells().into_iter().filter(|cell| is(cell));
    such.map(|cell| (cell.operation, cell.kind)).collect()
}

fn fails(cell: &Cell) -> bool {
    cell.read("neutral.json").get("failure").is_some()
}

/// Whether it shows what becomes of a provider's refusal: what is refused before anything is sent shows nothing of it.
fn is_refused(cell: &Cell) -> bool {
    fails(cell) && cell.answers.iter().any(|answer| answer.status >= 400)
}

#[test]
fn every_cell_of_the_matrix_has_a_golden_that_succeeds() {
    let succeeds = golden(|cell| !fails(cell));
    assert_eq!(
        succeeds,
        able(),
        "a golden that succeeds for each cell, and for no other"
    );
}

#[test]
fn every_cell_of_the_matrix_has_a_golden_that_is_refused() {
    assert_eq!(golden(is_refused), able(), "a golden of a refusal for each cell");
}

/// What a golden shows of a page: whether it has rows, whether there are more, and whether it was asked for by a cursor.
fn page(cell: &Cell) -> Option<(bool, bool, bool)> {
    let (output, input) = (cell.read("neutral.json"), cell.read("input.json"));
    let rows = output.get("items")?.as_array()?;
    let cursor = [&input, &input["input"]]
        .iter()
        .any(|input| input["cursor"].is_string());
    Some((!rows.is_empty(), output["has_more"] == true, cursor))
}

#[test]
fn every_list_has_a_golden_of_each_sort_of_page() {
    let lists = |(operation, _): &Pair| catalogue::find(operation).is_some_and(|entry| entry.declaration.facts.list);
    let lists: BTreeSet<Pair> = able().into_iter().filter(lists).collect();
    assert!(!lists.is_empty());
    let found = PAGES.map(|(_, sort)| golden(|cell| page(cell).is_some_and(sort)));
    let mut lacking = BTreeSet::new();
    for ((name, _), found) in PAGES.iter().zip(&found) {
        assert!(found.is_subset(&lists), "{name}: of what is no list");
        let without = lists.difference(found);
        lacking.extend(without.map(|(operation, kind)| (operation.as_str(), kind.as_str(), *name)));
    }
    let impossible = ONE_PAGE
        .iter()
        .map(|(operation, kind, sort, _)| (*operation, *kind, *sort));
    assert_eq!(
        lacking,
        impossible.collect(),
        "a golden of each sort of page, or why there can be none"
    );
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
