//! The capability matrix: which kinds of providers can do which operation.
//!
//! Invariant: it is made of what the drivers' tables hold, and of nothing else.

use serde::Serialize;

use super::table::Kind;
use crate::catalogue::Catalogue;

/// One operation, and who can do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatrixRow {
    /// The operation.
    pub name: &'static str,
    /// The kinds that can do it, in order.
    pub kinds: Vec<&'static str>,
    /// Those of them that make it of other things that their provider can do.
    pub emulated: Vec<&'static str>,
}

/// A row for each operation, in the catalogue's order.
pub fn matrix(catalogue: &Catalogue, kinds: &[Kind]) -> Vec<MatrixRow> {
    let of = |names: fn(&Kind) -> Vec<&'static str>| -> Vec<_> {
        kinds.iter().map(|kind| (kind.name, names(kind))).collect()
    };
    let (able, emulating) = (of(|kind| (kind.operations)()), of(|kind| (kind.emulated)()));
    let named = |rows: &[(&'static str, Vec<&'static str>)], name| {
        let has = rows.iter().filter(|(_, names)| names.contains(&name));
        has.map(|(kind, _)| *kind).collect()
    };
    let row = |name| MatrixRow {
        name,
        kinds: named(&able, name),
        emulated: named(&emulating, name),
    };
    catalogue.iter().map(|entry| row(entry.name())).collect()
}
