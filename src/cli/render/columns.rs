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
    let mut columns: Vec<Column> = columns.collect();
    // What the provider calls it stands beside what all call it in the single view, and in JSON.
    let heads: Vec<String> = columns.iter().map(|column| column.head.clone()).collect();
    columns.retain(|column| {
        column
            .head
            .strip_prefix("raw_")
            .is_none_or(|plain| !heads.iter().any(|head| head == plain))
    });
    columns
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

/// What a column takes of a line beside its cells: the space at its sides.
const BESIDE: usize = 2;
/// A cell that is cut to this can still be read.
const READABLE: usize = 20;

/// Those of the columns that a line of `width` has room for: what says again what stands in another goes first, then what is
/// the same in each row, then what stands last. The first, by which the next command names a row, stays, and so does what
/// says how it stands.
pub(super) fn fitting(mut columns: Vec<Column>, rows: &[Value], width: usize) -> Vec<Column> {
    let cells = |column: &Column| -> Vec<String> { rows.iter().map(|row| column.of(row)).collect() };
    let mut shown: Vec<Vec<String>> = columns.iter().map(cells).collect();
    let room = |place: usize, column: &Column, cells: &[String]| {
        let widest = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widest = if place == 0 { widest } else { widest.min(READABLE) };
        widest.max(column.head.chars().count()) + BESIDE
    };
    loop {
        let each = columns.iter().zip(&shown).enumerate();
        let taken: usize = each.map(|(place, (column, cells))| room(place, column, cells)).sum();
        let rank = |place: usize| match &*columns[place].head {
            _ if is_told(&shown, place) => 3,
            "title" | "name" | "state" | "status" => 0,
            _ if rows.len() > 1 && shown[place].windows(2).all(|pair| pair[0] == pair[1]) => 2,
            _ => 1,
        };
        let least = (1..columns.len()).max_by_key(|place| (rank(*place), *place));
        let Some(least) = least.filter(|least| taken > width && rank(*least) > 0) else {
            return columns;
        };
        columns.remove(least);
        shown.remove(least);
    }
}

/// Whether each cell of a column is a part of what stands in the first, as `api` and `acme/api` are of `forge~acme/api`.
fn is_told(shown: &[Vec<String>], place: usize) -> bool {
    let marks = ['~', '/', '#'];
    let is_part = |(whole, part): (&String, &String)| {
        let behind = whole
            .strip_suffix(part.as_str())
            .is_some_and(|before| before.ends_with(marks));
        behind || whole.split(marks).any(|piece| piece == part)
    };
    shown[0].iter().zip(&shown[place]).all(is_part)
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
