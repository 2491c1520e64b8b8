//! Reads tables of models: the one that comes along, and the file that says it better.
//!
//! Invariant: every fault is found at once, and told by its line and key; none quotes a value.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Lists;
use crate::catalogue::ai::Facts;
use crate::config::{ConfigErrors, Report, Schema, join, read, read_toml};
use crate::wording::{list, nearest};

/// The most bytes that a file may have.
const MOST_BYTES: u64 = 16 << 20;
/// The key of the configuration that names the file.
const KEY: &str = "models.file";
/// The table that says where the others are from.
const SOURCE: &str = "source";

/// Where a table is from.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Source {
    package: String,
    version: String,
    date: String,
}

/// The text of a file. Blocks on file I/O.
///
/// # Errors
/// What keeps it from being read.
pub fn text(file: &Path) -> Result<String, ConfigErrors> {
    let shown = file.display();
    let unread = |error: std::io::Error| fault(format!("{shown} cannot be read: {error}"));
    let about = std::fs::metadata(file).map_err(unread)?;
    // A pipe would be waited for.
    if !about.is_file() || about.len() > MOST_BYTES {
        return Err(fault(format!("{shown} must be a file of {MOST_BYTES} bytes at most")));
    }
    std::fs::read_to_string(file).map_err(unread)
}

/// A fault of the whole.
fn fault(message: String) -> ConfigErrors {
    let mut report = Report::default();
    report.add(KEY, message);
    report
        .finish()
        .map(|_| unreachable!("a fault was just reported"))
        .unwrap_or_else(|faults| faults)
}

#[derive(Deserialize)]
struct Table {
    source: Source,
    #[serde(flatten)]
    lists: BTreeMap<String, BTreeMap<String, Facts>>,
}

/// The lists of the table that comes along, which is sound or not: nobody looks for the place of a fault in it.
///
/// # Errors
/// That it is not sound.
pub fn own(text: &str) -> Result<Lists, ConfigErrors> {
    let Table { source, lists } =
        toml::from_str(text).map_err(|error| fault(format!("the table that comes along is wrong: {error}")))?;
    let source = source.told();
    let all = |list: BTreeMap<String, Facts>| list.into_iter().map(|(name, facts)| (name, sourced(facts, &source)));
    Ok(lists
        .into_iter()
        .map(|(name, list)| (name, all(list).collect()))
        .collect())
}

impl Source {
    fn told(&self) -> String {
        format!("{} {} of {}", self.package, self.version, self.date)
    }
}

/// The lists of a text, which `file` is the name of; there are none but those that are `known`.
///
/// # Errors
/// Every fault found.
pub fn lists(text: &str, file: &str, known: &[String]) -> Result<Lists, ConfigErrors> {
    let mut report = Report::default();
    let mut lists = Lists::new();
    if let Some(mut tree) = read_toml(text, &Arc::from(file), &mut report) {
        let told = tree.shift_remove(SOURCE);
        let told: Option<Source> = told.and_then(|told| read(&Schema::of::<Source>(), told, SOURCE, &mut report));
        let source = told.map_or_else(|| file.to_owned(), |told| told.told());
        let schema = Schema::of::<Facts>();
        for (name, list) in tree {
            let list = models(&name, list, known, &schema, &mut report);
            lists.insert(
                name,
                list.into_iter()
                    .map(|(model, facts)| (model, sourced(facts, &source)))
                    .collect(),
            );
        }
    }
    report.finish().map(|_| lists)
}

fn sourced(facts: Facts, source: &str) -> Arc<Facts> {
    let source = facts.source.clone().or_else(|| Some(source.to_owned()));
    Arc::new(Facts { source, ..facts })
}

/// One list, without what is wrong in it.
fn models(name: &str, value: Value, known: &[String], schema: &Schema, report: &mut Report) -> BTreeMap<String, Facts> {
    let path = join("", name);
    if !known.iter().any(|known| known == name) {
        let message = format!("no list of models is called so; there are {}", list(known, "and"));
        report.add_with(&path, message, nearest(name, known.iter().map(String::as_str)));
        return BTreeMap::new();
    }
    let rows = match value {
        Value::Object(rows) => rows,
        _ => {
            report.add(&path, "expected a table, found a single value");
            Map::new()
        }
    };
    let facts =
        |(model, value): (String, Value)| Some((model.clone(), read(schema, value, &join(&path, &model), report)?));
    rows.into_iter().filter_map(facts).collect()
}
