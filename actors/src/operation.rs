//! Operations: the facts that the engine must know of each, and the catalogue that numbers them.
//!
//! Invariant: an operation's number is its place in one system's [`Operations`]; it means nothing in another system, and
//! [`Operations::owns`] tells.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use crate::policy::scopes::Action;

/// What the engine must know of an operation. Declared once, in the catalogue, and lives for ever.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The full name, `service.noun.verb`, e.g. `git.repo.get`.
    pub name: &'static str,
    /// The service it belongs to: the first part of the name.
    pub service: &'static str,
    /// It changes nothing at the provider.
    pub safe: bool,
    /// Repeating it has the effect of doing it once.
    pub idempotent: bool,
    /// It removes something.
    pub destructive: bool,
    /// The provider charges for it: an attempt that may have been served is not made again, however safe it is.
    pub paid: bool,
    /// The answer is a stream of events.
    pub streaming: bool,
    /// Its stream follows something while that is made, and nothing may come of that for long: only its time ends it.
    pub follows: bool,
    /// It waits for something to happen: an attempt of it may take as long as its call, and proves nothing by that.
    pub waits: bool,
    /// The answer is a page of a list, so that several instances can be asked for it at once.
    pub list: bool,
    /// How long an answer may be served from cache; `None`: never cached.
    pub cache: Option<CacheTimes>,
    /// What an attempt weighs, for prices and budgets.
    pub cost: CostClass,
    /// Where its resource may live.
    pub homes: Homes,
    /// No list of operations names it: it is no cell of its own, but a way to whatever else an instance can do.
    pub unlisted: bool,
}

impl Operation {
    /// A free, uncached read that may live at any instance; `service` is the name's first part.
    pub const fn read(service: &'static str, name: &'static str) -> Self {
        Operation {
            name,
            service,
            safe: true,
            idempotent: true,
            destructive: false,
            paid: false,
            streaming: false,
            follows: false,
            waits: false,
            list: false,
            cache: None,
            cost: CostClass::Read,
            homes: Homes::Any,
            unlisted: false,
        }
    }

    /// A write that is not idempotent.
    pub const fn write(service: &'static str, name: &'static str) -> Self {
        Operation {
            safe: false,
            idempotent: false,
            cost: CostClass::Write,
            ..Operation::read(service, name)
        }
    }

    /// What it does, as far as a grant tells it apart.
    pub const fn action(&self) -> Action {
        match self {
            Operation { destructive: true, .. } => Action::Destructive,
            operation if operation.is_keyed() => Action::Write,
            _ => Action::Read,
        }
    }

    /// Neither a repetition by the caller nor one of ours is harmless: it changes something, or costs money.
    pub const fn is_keyed(&self) -> bool {
        !self.safe || self.paid
    }
}

/// Where a resource that names no instance may live, when no rule says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Homes {
    /// At any instance that can do the operation.
    Any,
    /// At those that offer it by name, such as models.
    Offered,
}

/// Times of a cacheable operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTimes {
    /// Served without asking the provider.
    pub fresh: Duration,
    /// After `fresh`: may still be served when the provider fails.
    pub stale: Duration,
    /// How long a `not_found` is remembered.
    pub negative: Duration,
}

/// The price class of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostClass {
    /// One cheap upstream request.
    Read,
    /// Several requests, or a search.
    Heavy,
    /// A change.
    Write,
    /// Billed by tokens; its answer takes as long as the model writes.
    Tokens,
}

impl CostClass {
    /// All of them, in the order in which they are declared.
    pub const ALL: [CostClass; 4] = [CostClass::Read, CostClass::Heavy, CostClass::Write, CostClass::Tokens];

    /// As documents have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            CostClass::Read => "read",
            CostClass::Heavy => "heavy",
            CostClass::Write => "write",
            CostClass::Tokens => "tokens",
        }
    }
}

/// An operation of a system's catalogue: its facts, and its number there.
#[derive(Clone, Copy)]
pub struct OperationRef {
    facts: &'static Operation,
    index: u16,
}

impl OperationRef {
    /// The facts.
    pub fn facts(self) -> &'static Operation {
        self.facts
    }

    /// Its number in the catalogue that it came from.
    pub fn index(self) -> usize {
        usize::from(self.index)
    }
}

impl Deref for OperationRef {
    type Target = Operation;

    fn deref(&self) -> &Operation {
        self.facts
    }
}

impl fmt::Debug for OperationRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.facts.name)
    }
}

/// A system's catalogue, as the engine sees it: operations by name and by number.
#[derive(Clone, Debug, Default)]
pub struct Operations {
    all: Vec<&'static Operation>,
    by_name: HashMap<&'static str, u16, RandomState>,
}

impl Operations {
    /// Operations at most, because a number has sixteen bits.
    pub const MOST: usize = u16::MAX as usize;

    /// Numbers `all` in their order; of several with one name, the first counts. Those beyond [`Operations::MOST`] are
    /// left out.
    pub fn new(all: impl IntoIterator<Item = &'static Operation>) -> Self {
        let mut operations = Operations::default();
        for facts in all.into_iter().take(Self::MOST) {
            let index = operations.all.len() as u16;
            operations.by_name.entry(facts.name).or_insert_with(|| {
                operations.all.push(facts);
                index
            });
        }
        operations
    }

    /// The operation with this full name.
    pub fn get(&self, name: &str) -> Option<OperationRef> {
        let index = *self.by_name.get(name)?;
        Some(OperationRef {
            facts: self.all[usize::from(index)],
            index,
        })
    }

    /// Whether `operation` is numbered here as it says.
    pub fn owns(&self, operation: OperationRef) -> bool {
        self.all
            .get(operation.index())
            .is_some_and(|facts| std::ptr::eq(*facts, operation.facts))
    }

    /// The name of the operation with this number.
    pub fn name(&self, index: usize) -> Option<&'static str> {
        self.all.get(index).map(|facts| facts.name)
    }

    /// The name of the operation with this number, where lists name it.
    pub fn listed(&self, index: usize) -> Option<&'static str> {
        self.all
            .get(index)
            .filter(|facts| !facts.unlisted)
            .map(|facts| facts.name)
    }

    /// All operations, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = OperationRef> + '_ {
        self.all.iter().enumerate().map(|(index, facts)| OperationRef {
            facts,
            index: index as u16,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static A: Operation = Operation::read("t", "t.a");
    static B: Operation = Operation::write("t", "t.b");
    static A_AGAIN: Operation = Operation::write("t", "t.a");

    #[test]
    fn its_facts_tell_what_an_operation_does() {
        let paid = Operation {
            paid: true,
            ..A.clone()
        };
        let removes = Operation {
            destructive: true,
            ..B.clone()
        };
        assert_eq!(
            [&A, &B, &paid, &removes].map(Operation::action),
            [Action::Read, Action::Write, Action::Write, Action::Destructive]
        );
    }

    #[test]
    fn numbers_follow_the_order_and_belong_to_their_catalogue() {
        let one = Operations::new([&A, &B, &A_AGAIN]);
        let other = Operations::new([&B, &A]);
        assert_eq!((one.len(), one.get("t.b").unwrap().index()), (2, 1));
        assert!(one.get("t.a").unwrap().safe);
        assert!(one.iter().all(|operation| one.owns(operation)));
        assert!(!other.owns(one.get("t.b").unwrap()));
        assert_eq!(one.name(1), Some("t.b"));
        assert!(one.get("t.c").is_none() && one.name(2).is_none());
    }
}
