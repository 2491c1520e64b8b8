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
    let able: Vec<_> = kinds
        .iter()
        .map(|kind| (kind.name, (kind.operations)(), (kind.emulated)()))
        .collect();
    let row = |name: &'static str| {
        let who = |with: &dyn Fn(&(&'static str, Vec<&'static str>, Vec<&'static str>)) -> bool| {
            able.iter().filter(|kind| with(kind)).map(|kind| kind.0).collect()
        };
        MatrixRow {
            name,
            kinds: who(&|kind| kind.1.contains(&name)),
            emulated: who(&|kind| kind.2.contains(&name)),
        }
    };
    catalogue.iter().map(|entry| row(entry.name())).collect()
}
