//! Whose things are, in memory.
//!
//! Invariant: a row that is there is not written over.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::state::*;
use super::{Tables, page};

/// By the id at the instance, and the instance.
pub(super) type Owners = BTreeMap<(String, String), Owner>;

pub(super) struct Owner {
    tenant: String,
    until: Option<Timestamp>,
}

impl Owner {
    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Tables {
    pub(super) fn put_owner(&mut self, ownership: &Ownership) -> Result<(), StoreError> {
        ownership.check()?;
        for Owned { instance, native } in &ownership.things {
            let at = (native.clone(), instance.clone());
            if self.owners.contains_key(&at) {
                continue;
            }
            self.replace(0, bytes(&at, &ownership.tenant))?;
            let owner = Owner {
                tenant: ownership.tenant.clone(),
                until: ownership.until,
            };
            self.owners.insert(at, owner);
        }
        Ok(())
    }

    pub(super) fn owners_of(&self, natives: &[&str], now: Timestamp) -> Result<Vec<OwnedBy>, StoreError> {
        check_many("natives", natives.len())?;
        let rows = natives.iter().flat_map(|native| {
            let from = ((*native).to_owned(), String::new());
            self.owners.range(from..).take_while(move |((its, _), _)| its == native)
        });
        let known = rows.filter(|(_, owner)| !owner.is_over(now));
        Ok(known
            .map(|((native, instance), owner)| OwnedBy {
                thing: Owned {
                    instance: instance.clone(),
                    native: native.clone(),
                },
                tenant: owner.tenant.clone(),
            })
            .collect())
    }

    pub(super) fn expire_owners(&mut self, now: Timestamp, limit: u32) -> u64 {
        let over = self.owners.iter().filter(|(_, owner)| owner.is_over(now));
        let over: Vec<_> = over.take(page(limit)).map(|(at, _)| at.clone()).collect();
        over.iter().for_each(|at| self.remove_owner(at));
        over.len() as u64
    }

    pub(super) fn remove_owners(&mut self, things: &[Owned]) -> Result<(), StoreError> {
        check_many("things", things.len())?;
        for Owned { instance, native } in things {
            self.remove_owner(&(native.clone(), instance.clone()));
        }
        Ok(())
    }

    fn remove_owner(&mut self, at: &(String, String)) {
        if let Some(owner) = self.owners.remove(at) {
            self.used = self.used.saturating_sub(bytes(at, &owner.tenant));
        }
    }
}

fn bytes(at: &(String, String), tenant: &str) -> usize {
    at.0.len() + at.1.len() + tenant.len()
}
