//! Whose a thing is that a provider keeps under a credential that several share.
//!
//! Invariant: who was written down first stays the owner, until the time of the row is over.

use jiff::Timestamp;

use super::state::{MAX_PAGE, StoreError, check_name};

/// A thing that a provider keeps, by its id there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owned {
    /// The provider instance.
    pub instance: String,
    /// The id at that instance.
    pub native: String,
}

/// A thing, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedBy {
    /// The thing.
    pub thing: Owned,
    /// The tenant.
    pub tenant: String,
}

/// What is written down of things.
#[derive(Clone, Debug)]
pub struct Ownership {
    /// The things; at most [`MAX_PAGE`](super::MAX_PAGE).
    pub things: Vec<Owned>,
    /// Whose they are.
    pub tenant: String,
    /// Until when that is known; absent: for good.
    pub until: Option<Timestamp>,
}

impl Ownership {
    /// Holds what is to be written to its bounds.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        check_many("things", self.things.len())?;
        check_name("tenant", &self.tenant)?;
        self.things.iter().try_for_each(|thing| {
            check_name("instance", &thing.instance)?;
            check_name("native id", &thing.native)
        })
    }
}

/// Refuses more than one page of anything.
pub(super) fn check_many(what: &'static str, count: usize) -> Result<(), StoreError> {
    let limit = MAX_PAGE as usize;
    match count > limit {
        true => Err(StoreError::TooLarge { what, limit }),
        false => Ok(()),
    }
}
