//! The catalogue: every operation declared once, and every surface made from the declarations.
//!
//! Invariant: REST routes, the OpenAPI document, CLI subcommands and the capability matrix are all derived from
//! [`OPERATIONS`]; an operation that is not in this table does not exist, and one that is exists everywhere.
//!
//! To add an operation: a type that implements [`Op`] in its service's file, one row in [`OPERATIONS`], and a handler
//! in each driver that can do it.

pub mod ai;
pub mod cicd;
pub mod cursor;
pub mod docs;
pub mod entry;
pub mod git;
pub mod page;
pub mod projects;

use std::sync::LazyLock;

use mosaic_actors::call::{Operation, Resource};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use entry::{Entry, Prepared};
pub use page::Page;

/// Every operation, in the order in which documents and `mosaic operations` list them.
pub static OPERATIONS: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    vec![
        Entry::of::<git::RepoGet>(),
        Entry::of::<git::RepoList>(),
        Entry::of::<git::BranchList>(),
        Entry::of::<git::FileGet>(),
        Entry::of::<projects::IssueList>(),
        Entry::of::<projects::IssueGet>(),
        Entry::of::<projects::IssueCreate>(),
        Entry::of::<cicd::RunList>(),
        Entry::of::<cicd::RunGet>(),
        Entry::of::<cicd::RunTrigger>(),
        Entry::of::<cicd::LogGet>(),
        Entry::of::<docs::Search>(),
        Entry::of::<docs::PageGet>(),
        Entry::of::<docs::PageCreate>(),
        Entry::of::<ai::ChatComplete>(),
        Entry::of::<ai::ChatStream>(),
        Entry::of::<ai::ModelsList>(),
    ]
});

/// Finds an operation by its full name.
pub fn find(name: &str) -> Option<&'static Entry> {
    OPERATIONS.iter().find(|entry| entry.declaration.facts.name == name)
}

/// One operation: its facts, its types, and how its resource is read from its input.
pub trait Op: 'static {
    /// What the caller gives. Path parameters, query parameters and body fields are all fields of it.
    type Input: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// What the caller gets; for a stream, one event.
    type Output: Output;
    /// The declaration.
    const DECLARATION: &'static Declaration;

    /// What the call is about.
    ///
    /// # Errors
    /// `invalid_input` naming the field, where the input cannot name a resource.
    fn resource(input: &Self::Input) -> Result<Resource, Failure>;

    /// Checks that serde cannot express. Called once, before anything else sees the input.
    ///
    /// # Errors
    /// `invalid_input` naming the field.
    fn check(_input: &Self::Input) -> Result<(), Failure> {
        Ok(())
    }

    /// The sealed cursor of a list's input, and where to put the opened one.
    fn cursor(_input: &mut Self::Input) -> Option<&mut Option<String>> {
        None
    }
}

/// A neutral output.
pub trait Output: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Replaces a native cursor by its sealed form. Only pages have one.
    fn seal_cursor(&mut self, _seal: &dyn Fn(&str) -> String) {}
}

/// What is declared of an operation beyond the engine's facts.
#[derive(Debug)]
pub struct Declaration {
    /// The engine's facts.
    pub facts: Operation,
    /// The HTTP method of the REST route.
    pub method: Method,
    /// The REST path below `/v1`, e.g. `/git/repos/{repo}/branches`; each `{name}` is a field of the input and may
    /// span several segments.
    pub path: &'static str,
    /// Input fields taken by position on the command line, in order.
    pub positional: &'static [&'static str],
    /// One line for people.
    pub summary: &'static str,
}

/// Methods that the catalogue uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Safe reads.
    Get,
    /// Creations, and reads whose input is a body.
    Post,
}

impl Method {
    /// The method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// The highest page size that a list accepts.
pub const MAX_LIMIT: u32 = 100;

/// Refuses page sizes out of range.
pub(crate) fn check_limit(limit: Option<u32>) -> Result<(), Failure> {
    match limit {
        Some(limit) if limit == 0 || limit > MAX_LIMIT => Err(Failure::invalid(
            "limit",
            format!("limit must be between 1 and {MAX_LIMIT}"),
        )),
        _ => Ok(()),
    }
}

/// Refuses an empty or over-long text that names a resource.
pub(crate) fn check_name(field: &str, text: &str) -> Result<(), Failure> {
    const LONGEST: usize = 1024;
    if text.trim().is_empty() {
        return Err(Failure::invalid(field, format!("{field} must not be empty")));
    }
    if text.len() > LONGEST {
        return Err(Failure::invalid(
            field,
            format!("{field} must be at most {LONGEST} bytes"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Failure::invalid(
            field,
            format!("{field} must not contain control characters"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_routes_are_unique() {
        let mut names = std::collections::HashSet::new();
        let mut routes = std::collections::HashSet::new();
        for entry in OPERATIONS.iter() {
            let declaration = entry.declaration;
            assert!(names.insert(declaration.facts.name));
            assert!(routes.insert((declaration.method.as_str(), declaration.path)));
            assert!(
                declaration
                    .facts
                    .name
                    .starts_with(&format!("{}.", declaration.facts.service))
            );
        }
    }
}
