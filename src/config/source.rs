//! Reads the two sources, a TOML file and the environment, into one tree that remembers where each value came from.
//!
//! Invariant: a variable with our prefix either finds its key or is a fault; none is ignored.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::errors::{Origin, Report, join, printable};
use super::schema::Schema;
use crate::wording::nearest;

/// Variables that begin with this (in any case) are ours; `__` divides the parts of a path.
pub const ENV_PREFIX: &str = "MOSAIC__";

/// Reads `text`. Where it is not TOML, reports every syntax error and gives up: what a broken file seems to say
/// would only mislead.
pub(crate) fn read_toml(text: &str, file: &Arc<str>, report: &mut Report) -> Option<Map<String, Value>> {
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    let ends = ends.map(|(offset, _)| offset).collect();
    let reader = Reader { ends, file };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        // Only the message: the full rendering quotes the line, and with it perhaps a secret.
        let line = error.span().map_or(0, |span| reader.line(span.start));
        // But a key that is there twice, the parser's span being the key's.
        let twice = error.span().filter(|_| error.message() == "duplicate key");
        let key = twice
            .and_then(|span| text.get(span))
            .map(|key| format!(" {}", printable(key)));
        let origin = Origin::File {
            file: file.clone(),
            line,
        };
        let message = format!("not valid TOML: {}{}", error.message(), key.unwrap_or_default());
        report.add_at(origin, "", message, None);
    }
    errors.is_empty().then(|| reader.table(table.get_ref(), "", report))
}

struct Reader<'a> {
    /// Where the lines end.
    ends: Vec<usize>,
    file: &'a Arc<str>,
}

impl Reader<'_> {
    fn line(&self, offset: usize) -> usize {
        1 + self.ends.partition_point(|end| *end < offset)
    }

    fn note(&self, path: &str, offset: usize, report: &mut Report) {
        let origin = Origin::File {
            file: self.file.clone(),
            line: self.line(offset),
        };
        report.origins.insert(path.to_owned(), origin);
    }

    fn table(&self, table: &DeTable<'_>, path: &str, report: &mut Report) -> Map<String, Value> {
        let mut tree = Map::new();
        for (key, value) in table.iter() {
            let path = join(path, key.get_ref());
            self.note(&path, key.span().start, report);
            tree.insert(key.get_ref().to_string(), self.value(value, &path, report));
        }
        tree
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, path: &str, report: &mut Report) -> Value {
        match value.get_ref() {
            DeValue::Table(table) => Value::Object(self.table(table, path, report)),
            DeValue::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let path = format!("{path}[{index}]");
                    self.note(&path, item.span().start, report);
                    self.value(item, &path, report)
                })
                .collect(),
            scalar => scalar_value(scalar).unwrap_or_else(|wrong| {
                report.add(path, wrong);
                Value::Null
            }),
        }
    }
}

/// A scalar as JSON. A date has no place in the schema and becomes its text.
fn scalar_value(value: &DeValue<'_>) -> Result<Value, &'static str> {
    Ok(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .map_err(|_| "the number is too large")?,
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::from)
            .ok_or("the number must be finite")?,
        DeValue::Array(_) | DeValue::Table(_) => return Err("expected a single value"),
    })
}

/// Lays the variables of ours in `env` over `tree`.
pub(crate) fn overlay_env(
    tree: &mut Map<String, Value>,
    env: impl Iterator<Item = (OsString, OsString)>,
    schema: &Schema,
    report: &mut Report,
) {
    let ours = |name: &str| {
        let head = name.as_bytes().get(..ENV_PREFIX.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(ENV_PREFIX.as_bytes()))
    };
    // Sorted, so that the same environment gives the same report.
    let variables: BTreeMap<String, OsString> = env
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| ours(name))
        .collect();
    for (name, raw) in variables {
        // Of what is not text, the name alone is told.
        let Ok(raw) = raw.into_string() else {
            report.add_at(Origin::Env(name), "", "the value is not UTF-8 text", None);
            continue;
        };
        match locate(&name[ENV_PREFIX.len()..], tree, schema) {
            Ok((keys, wanted)) => {
                let path = keys.iter().fold(String::new(), |path, key| join(&path, key));
                if let Some(Origin::Env(other)) = report.origins.get(&path) {
                    let message = format!("{other} already sets this key");
                    report.add_at(Origin::Env(name), &path, message, None);
                    continue;
                }
                let value = parse_variable(&raw, wanted.admits("string") && !wanted.admits("integer"));
                let origin = Origin::Env(name);
                if insert(tree, &keys, value.clone()) {
                    // What stood below it is replaced with it.
                    report.origins.retain(|known, _| !is_below(known, &path));
                    note_all(&value, &path, &origin, report);
                }
            }
            Err(unknown) => {
                let origin = Origin::Env(name);
                report.add_at(origin, &unknown.path, "unknown key", unknown.suggestion);
            }
        }
    }
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// A value and all that stands in it came from one place.
fn note_all(value: &Value, path: &str, origin: &Origin, report: &mut Report) {
    report.origins.insert(path.to_owned(), origin.clone());
    match value {
        Value::Object(table) => table
            .iter()
            .for_each(|(key, value)| note_all(value, &join(path, key), origin, report)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| note_all(item, &format!("{path}[{index}]"), origin, report)),
        _ => {}
    }
}

struct Unknown {
    path: String,
    suggestion: Option<String>,
}

/// Finds the keys that a variable's name means. Shells allow neither dash nor lower case by habit, so both are
/// matched loosely: against the schema, and in a map of names against the names that the file already has.
fn locate<'s>(
    name: &str,
    tree: &Map<String, Value>,
    root: &'s Schema,
) -> Result<(Vec<String>, super::schema::Node<'s>), Unknown> {
    let mut node = root.node();
    let mut here = Some(tree);
    let mut keys: Vec<String> = Vec::new();
    for part in name.split("__") {
        let path = keys.iter().fold(String::new(), |path, key| join(&path, key));
        let written = part.to_lowercase();
        let same = |key: &&str| key.replace('-', "_").eq_ignore_ascii_case(&written);
        let unknown = |suggestion| Unknown {
            path: join(&path, &written),
            suggestion,
        };
        if part.is_empty() {
            return Err(unknown(None));
        }
        let (key, next) = if let Some((key, next)) = node.properties().find(|(key, _)| same(key)) {
            (key.to_owned(), next)
        } else if let Some(entry) = node.entries() {
            let existing = here.and_then(|here| here.keys().map(String::as_str).find(same));
            // Names are written with dashes; the keys of a free-form table, which has no schema, as they come.
            let fresh = || {
                if entry.is_free() {
                    written.clone()
                } else {
                    written.replace('_', "-")
                }
            };
            (existing.map_or_else(fresh, str::to_owned), entry)
        } else {
            return Err(unknown(nearest(&written, node.properties().map(|(key, _)| key))));
        };
        here = here.and_then(|here| here.get(&key)?.as_object());
        keys.push(key);
        node = next;
    }
    Ok((keys, node))
}

/// The value of a variable: TOML where it is TOML, otherwise its text. A key that wants text gets text.
fn parse_variable(raw: &str, wants_text: bool) -> Value {
    let line = format!("value = {raw}");
    let mut scratch = Report::default();
    let mut table = read_toml(&line, &Arc::from(""), &mut scratch).unwrap_or_default();
    match table.remove("value") {
        Some(value) if scratch.is_clean() && table.is_empty() && (value.is_string() || !wants_text) => value,
        _ => Value::from(raw),
    }
}

/// Sets the value at `keys`. False where something on the way is no table, which the schema's walk will report.
fn insert(tree: &mut Map<String, Value>, keys: &[String], value: Value) -> bool {
    match keys {
        [] => false,
        [last] => {
            tree.insert(last.clone(), value);
            true
        }
        [first, rest @ ..] => tree
            .entry(first.as_str())
            .or_insert_with(|| Value::Object(Map::new()))
            .as_object_mut()
            .is_some_and(|table| insert(table, rest, value)),
    }
}
