//! The catalogue: every operation declared once, and every surface made from the declarations.
//!
//! Invariant: REST routes, the OpenAPI document, CLI subcommands and the capability matrix are all derived from a
//! [`Catalogue`]; an operation that is not in it does not exist, and one that is exists everywhere. What is passed through
//! ([`proxy`]) has numbers beside them, and no row.
//!
//! To add an operation: a type that implements [`Op`] in its resource's file, one row in the table (`table.rs`), and a handler
//! in each driver that can do it.

/// Makes an input the input of a list, by its fields `cursor` and `limit`.
macro_rules! paged {
    ($input:ident) => {
        impl Paged for $input {
            fn cursor(&mut self) -> &mut Option<Cursor> {
                &mut self.cursor
            }

            fn trail(&self) -> Trail {
                let Some(cursor) = self.cursor.as_deref() else {
                    return Trail::default();
                };
                let (trail, native) = Trail::parted(cursor);
                trail.at(native)
            }

            fn page(&self) -> (Option<u32>, Option<&str>) {
                (
                    self.limit.map(PageSize::get),
                    self.cursor.as_deref().map(|cursor| Trail::parted(cursor).1),
                )
            }
        }
    };
}

#[macro_use]
mod checked;

#[allow(missing_docs, reason = "a field of a speaking type needs no words of its own")]
pub mod ai;
#[allow(missing_docs, reason = "a field of a speaking type needs no words of its own")]
pub mod cicd;
#[doc(hidden)]
pub mod confidential;
#[doc(hidden)]
pub mod cursor;
#[allow(missing_docs, reason = "a field of a speaking type needs no words of its own")]
pub mod docs;
pub mod entry;
pub mod event;
pub mod fields;
#[allow(missing_docs, reason = "a field of a speaking type needs no words of its own")]
pub mod git;
#[doc(hidden)]
pub mod link;
pub mod op;
pub mod outcome;
#[doc(hidden)]
pub mod owned;
pub mod page;
#[doc(hidden)]
pub mod page_url;
mod payload;
pub mod person;
#[doc(hidden)]
pub mod prepare;
#[allow(missing_docs, reason = "a field of a speaking type needs no words of its own")]
pub mod projects;
pub mod proxy;
pub mod raw;
#[doc(hidden)]
pub mod relation;
#[doc(hidden)]
pub mod sample;
pub mod schema;
pub(crate) mod table;
pub mod tags;
#[doc(hidden)]
pub mod trail;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use mosaic_actors::call::{OperationRef, Operations};
use mosaic_actors::error::Failure;

pub use entry::Entry;
pub use op::{Declaration, File, Method, Op, Output, Paged};
pub use page::Page;
pub use prepare::Prepared;
use table::with_operations;

macro_rules! rows {
    ($($service:ident $accessor:ident { $($method:ident: $operation:ident,)* })*) => {
        vec![$($(Entry::of::<$service::$operation>(),)*)*]
    };
}

/// The operations that are built in, in the order in which documents and `mosaic operations` list them.
pub static OPERATIONS: LazyLock<Vec<Entry>> = LazyLock::new(|| with_operations!(rows));

/// No service: scopes by this name are on the admin API.
pub(crate) const RESERVED: &str = "admin";

/// Finds a built-in operation by its full name.
pub fn find(name: &str) -> Option<&'static Entry> {
    OPERATIONS.iter().find(|entry| entry.name() == name)
}

/// The operations of one gateway: its rows, and their numbers for the engine. Cheap to clone.
#[derive(Clone)]
pub struct Catalogue {
    rows: Arc<[&'static Entry]>,
    operations: Arc<Operations>,
}

impl Catalogue {
    /// A catalogue of the operations that are built in.
    pub fn built_in() -> Self {
        Self::new(OPERATIONS.iter())
    }

    fn new(rows: impl IntoIterator<Item = &'static Entry>) -> Self {
        let rows: Arc<[_]> = rows.into_iter().collect();
        let facts = rows.iter().map(|entry| &entry.declaration.facts);
        // Behind the rows: a row's number is its place.
        let operations = Arc::new(Operations::new(facts.chain(proxy::operations())));
        Catalogue { rows, operations }
    }

    /// The same with `O`, in the place of one of the same name. A declaration lives as long as the process.
    #[must_use]
    pub fn with<O: Op>(&self) -> Self {
        let added: &'static Entry = Box::leak(Box::new(Entry::of::<O>()));
        let others = self.iter().filter(|entry| entry.name() != added.name());
        Self::new(others.chain([added]))
    }

    /// Looks at what only a whole catalogue shows.
    ///
    /// # Errors
    /// `invalid_input` naming the operation: its name does not begin with its service, or its route is another's.
    pub fn check(&self) -> Result<(), Failure> {
        let mut routes = HashSet::new();
        for entry in self.iter() {
            let declaration = entry.declaration;
            let name = entry.name();
            if declaration.facts.service == proxy::SERVICE {
                return Err(Failure::invalid(
                    name,
                    "the service proxy is that of what is passed through",
                ));
            }
            if declaration.facts.service == RESERVED {
                return Err(Failure::invalid(
                    name,
                    "the word admin is that of the admin API's scopes",
                ));
            }
            if !name.starts_with(&format!("{}.", declaration.facts.service)) {
                return Err(Failure::invalid(name, "an operation's name begins with its service"));
            }
            if !routes.insert((declaration.method.as_str(), declaration.path)) {
                return Err(Failure::invalid(name, "another operation has the same route"));
            }
        }
        Ok(())
    }

    /// Every operation, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'static Entry> + '_ {
        self.rows.iter().copied()
    }

    /// Finds an operation by its full name.
    pub fn find(&self, name: &str) -> Option<&'static Entry> {
        let number = self.operations.get(name)?.index();
        self.rows.get(number).copied()
    }

    /// An operation's number here.
    pub fn number(&self, name: &str) -> Option<OperationRef> {
        self.operations.get(name)
    }

    /// The engine's view of it.
    pub fn operations(&self) -> &Arc<Operations> {
        &self.operations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn names_and_routes_are_unique_and_numbers_find_their_rows() {
        let catalogue = Catalogue::built_in();
        catalogue.check().expect("it is sound");
        for entry in catalogue.iter() {
            assert!(std::ptr::eq(catalogue.find(entry.name()).expect("a row"), entry));
        }
        let unlisted = proxy::operations();
        assert_eq!(catalogue.operations().len(), OPERATIONS.len() + unlisted.len());
        for facts in unlisted {
            assert!(catalogue.number(facts.name).is_some() && catalogue.find(facts.name).is_none());
        }
    }

    #[test]
    fn what_follows_something_is_called_so_and_streams() {
        for entry in OPERATIONS.iter() {
            let facts = &entry.declaration.facts;
            assert_eq!(facts.follows, facts.name.ends_with(".follow"), "{}", facts.name);
            assert!(facts.streaming || !facts.follows, "{}", facts.name);
        }
    }

    #[test]
    fn topics_of_one_name_speak_of_the_same_part_of_a_resource() {
        let mut parts = HashMap::new();
        let declared = OPERATIONS.iter().map(|entry| entry.declaration);
        for topic in declared.flat_map(|declaration| declaration.carries.iter().chain(declaration.invalidates)) {
            let tags = ["acme/api#7", "acme/api", "42"].map(|native| topic.tag(native));
            let known = parts.entry(topic.name).or_insert_with(|| tags.clone());
            assert_eq!(*known, tags);
        }
    }

    #[test]
    fn what_is_invalidated_is_carried_and_every_write_says_what_it_changes() {
        let declared = || OPERATIONS.iter().map(|entry| entry.declaration);
        let reads = declared().filter(|declaration| declaration.facts.safe);
        let carried: HashSet<_> = reads
            .flat_map(|read| read.carries.iter().map(|topic| topic.name))
            .collect();
        for write in declared().filter(|declaration| !declaration.facts.safe) {
            let name = write.facts.name;
            let missed: Vec<_> = write
                .invalidates
                .iter()
                .filter(|topic| !carried.contains(topic.name))
                .collect();
            assert!(missed.is_empty(), "{name} invalidates what nothing carries: {missed:?}");
            let says = (write.invalidates.is_empty(), write.invalidates_nothing.is_some());
            assert!(matches!(says, (false, false) | (true, true)), "{name}");
        }
        for read in declared().filter(|declaration| declaration.facts.safe) {
            assert!(read.invalidates.is_empty(), "{}", read.facts.name);
            let kept = read.facts.cache.is_some();
            assert_eq!(
                kept,
                !read.carries.is_empty(),
                "{}: a kept answer carries a tag",
                read.facts.name
            );
        }
    }
}
