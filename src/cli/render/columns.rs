//! Which columns the table of a list has.
//!
//! Invariant: they follow the schema of a row where there is one, and its fields where there is none.

use serde_json::Value;

use super::cells::cell;
use crate::catalogue::page::PROVIDER;

/// A column: its head, and where in a row its cell is.
pub(super) struct Column {
    pub(super) head: String,
    field: String,
    /// Where in the field.
    within: String,
}

impl Column {
    fn of_field(name: &str) -> Self {
        Column {
            head: name.to_owned(),
            field: name.to_owned(),
            within: String::new(),
        }
    }

    /// Its cell in a row.
    pub(super) fn of(&self, row: &Value) -> String {
        let value = row.get(&self.field).and_then(|value| value.pointer(&self.within));
        value.map(cell).unwrap_or_default()
    }
}

/// The columns worth showing: what every row has, numbers and yes-or-no facts, whose a row is, and what its type says that
/// eyes look for. Longer optional texts, links and dates are for the single view and for `--json`.
pub(super) fn columns_of_schema(schema: &Value) -> Vec<Column> {
    let required = |name: &str| {
        let names = schema.get("required").and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|required| required == name))
    };
    let shown = |name: &String, property: &Value| match kind(property) {
        _ if property[COLUMN] == true => true,
        Some("integer" | "number" | "boolean") => true,
        Some("string") => required(name) || *name == PROVIDER,
        Some("array") => required(name) && property.get("items").is_some_and(fits_a_cell),
        _ => false,
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let columns = properties.into_iter().flatten().flat_map(|(name, property)| {
        let parts = property[COLUMN].as_object().into_iter().flatten();
        let parts = parts.filter_map(|(head, within)| {
            let (head, within) = (head.clone(), within.as_str()?.to_owned());
            let field = name.clone();
            Some(Column { head, field, within })
        });
        let whole = shown(name, property).then(|| Column::of_field(name));
        parts.chain(whole).collect::<Vec<_>>()
    });
    columns.collect()
}

/// What a type says of a field that eyes look for, though not every row has it; or, of one that is more than a cell, the
/// heads of its parts that are and where each is.
const COLUMN: &str = "x-column";

/// Whether several of these can be read in one cell: texts, and people by their names.
fn fits_a_cell(items: &Value) -> bool {
    kind(items) == Some("string") || items.pointer("/properties/login").is_some()
}

/// The type of a property besides `null`.
fn kind(property: &Value) -> Option<&str> {
    match property.get("type") {
        Some(Value::String(kind)) => Some(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    }
}

/// Without a schema: every scalar that a row has, in order of first appearance.
pub(super) fn columns_of_rows(rows: &[Value]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for (name, value) in rows.iter().filter_map(Value::as_object).flatten() {
        if !value.is_object() && !columns.iter().any(|column| column.field == *name) {
            columns.push(Column::of_field(name));
        }
    }
    columns
}
