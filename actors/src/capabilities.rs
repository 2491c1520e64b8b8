//! Capabilities: the set of operations that a kind of driver, or an instance of it, can do.
//!
//! Invariant: a set is bits by operation number, shared by all who have it; it says nothing outside of the catalogue whose
//! numbers it holds.

use std::fmt;
use std::sync::Arc;

use crate::operation::{OperationRef, Operations};

const BITS: usize = u64::BITS as usize;

/// The operations that can be done. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    words: Arc<[u64]>,
}

impl Capabilities {
    /// Those of `operations` that are named; names that are not in the catalogue are passed over.
    pub fn of<'a>(operations: &Operations, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words = vec![0; operations.len().div_ceil(BITS)];
        for operation in names.into_iter().filter_map(|name| operations.get(name)) {
            words[operation.index() / BITS] |= 1 << (operation.index() % BITS);
        }
        Capabilities { words: words.into() }
    }

    /// Whether `operation` can be done.
    pub fn can(&self, operation: OperationRef) -> bool {
        self.has(operation.index())
    }

    /// Whether the operation with this number can be done.
    pub fn has(&self, index: usize) -> bool {
        let word = self.words.get(index / BITS).copied().unwrap_or_default();
        word >> (index % BITS) & 1 == 1
    }

    /// What both can do.
    #[must_use]
    pub fn narrowed(&self, by: &Capabilities) -> Self {
        let words = self.words.iter().zip(by.words.iter());
        Capabilities {
            words: words.map(|(mine, its)| mine & its).collect(),
        }
    }

    /// The numbers of the operations, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.words.len() * BITS).filter(|index| self.has(*index))
    }

    /// The names of the operations that lists name, sorted.
    pub fn names(&self, operations: &Operations) -> Vec<&'static str> {
        let mut names: Vec<_> = self.iter().filter_map(|index| operations.listed(index)).collect();
        names.sort_unstable();
        names
    }

    /// How many operations can be done.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Nothing can be done.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// A catalogue of 150 operations, so that a set has several words.
    fn catalogue() -> Operations {
        let facts = |n: usize| -> &'static Operation {
            let name: &'static str = Box::leak(format!("t.op{n:03}").into_boxed_str());
            Box::leak(Box::new(Operation::read("t", name)))
        };
        Operations::new((0..150).map(facts))
    }

    proptest! {
        #[test]
        fn behaves_as_a_set_of_names(a in prop::collection::btree_set(0usize..160, 0..60), b in prop::collection::btree_set(0usize..160, 0..60)) {
            let operations = catalogue();
            let set = |numbers: &BTreeSet<usize>| {
                let names: Vec<_> = numbers.iter().map(|n| format!("t.op{n:03}")).collect();
                Capabilities::of(&operations, names.iter().map(String::as_str))
            };
            let known = |numbers: &BTreeSet<usize>| numbers.iter().copied().filter(|n| *n < 150).collect::<Vec<_>>();
            let both: BTreeSet<_> = a.intersection(&b).copied().collect();
            prop_assert_eq!(set(&a).iter().collect::<Vec<_>>(), known(&a));
            prop_assert_eq!(set(&a).narrowed(&set(&b)), set(&both));
            prop_assert_eq!(set(&a).len(), known(&a).len());
            prop_assert_eq!(set(&a).is_empty(), known(&a).is_empty());
            prop_assert!(operations.iter().all(|operation| set(&a).can(operation) == a.contains(&operation.index())));
        }
    }
}
