//! Whose the things are that providers keep, in the state store; and which instances several tenants reach.
//!
//! Invariant: who reaches an instance is asked of the routing table, so that it is said once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mosaic_actors::call::{OperationRef, Resource};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;
use mosaic_actors::system::System;

use super::reaches;
use crate::catalogue::Catalogue;
use crate::catalogue::owned::Owned;
use crate::config::{Config, LOCAL_TENANT};
use crate::dispatch::{Keeping, Owner, Owners};
use crate::stores::{self, MAX_PAGE, OwnedBy, Ownership, StateStore};

/// Owners in a state store.
pub(super) struct Record {
    store: Arc<dyn StateStore>,
    system: System,
    /// The tenants that callers have.
    tenants: Vec<Arc<str>>,
    /// Whoever comes is the one tenant that needs no key.
    is_open: bool,
    /// Instances of which tenants are meant to share what they keep.
    together: BTreeSet<String>,
    /// What looks at things that are kept.
    kept: Vec<OperationRef>,
}

impl Record {
    pub(super) fn new(config: &Config, catalogue: &Catalogue, system: System, store: Arc<dyn StateStore>) -> Self {
        let shared = config.providers.iter().filter(|(_, provider)| provider.tenants_share);
        let kept = catalogue.iter().filter(|entry| entry.declaration.owned != Owned::No);
        let tenants = reaches::tenants(config).into_iter();
        Record {
            store,
            system,
            tenants: tenants.filter(|name| *name != LOCAL_TENANT).map(Arc::from).collect(),
            is_open: config.keys.is_empty() && config.oauth.is_none(),
            together: shared.map(|(name, _)| name.clone()).collect(),
            kept: kept.filter_map(|entry| catalogue.number(entry.name())).collect(),
        }
    }

    /// Whether another tenant may look at what an instance keeps, if it keeps anything.
    fn is_shared(&self, instance: &str, tenant: &str) -> bool {
        let can = |operation: &&OperationRef| self.system.can(**operation, instance);
        let kept: Vec<&OperationRef> = self.kept.iter().filter(can).collect();
        let may = |other: &str, operation: &OperationRef| self.system.allows(other, operation.service, operation.name);
        let reaches = |other: &Arc<str>| {
            self.system.reaches(other, instance) && kept.iter().any(|operation| may(other, operation))
        };
        let mut others = self.tenants.iter().filter(|name| ***name != *tenant);
        !kept.is_empty() && others.any(reaches)
    }
}

impl Owners for Record {
    fn of(&self, natives: BTreeSet<Arc<str>>) -> BoxFuture<Result<Vec<Owner>, Failure>> {
        let store = self.store.clone();
        Box::pin(async move {
            let natives: Vec<&str> = natives.iter().map(AsRef::as_ref).collect();
            let mut owners = Vec::new();
            for page in natives.chunks(MAX_PAGE as usize) {
                let found = store.owners(page, Timestamp::now()).await?;
                owners.extend(found.into_iter().map(Owner::from));
            }
            Ok(owners)
        })
    }

    fn add(
        &self,
        things: Vec<Resource>,
        tenant: Arc<str>,
        lasting: Option<Duration>,
    ) -> BoxFuture<Result<(), Failure>> {
        let store = self.store.clone();
        let until = lasting.map(|lasting| Timestamp::now().saturating_add(lasting).unwrap_or(Timestamp::MAX));
        let ownership = Ownership {
            things: written(&things),
            tenant: tenant.to_string(),
            until,
        };
        Box::pin(async move { Ok(store.own(&ownership).await?) })
    }

    fn remove(&self, things: Vec<Resource>) -> BoxFuture<Result<(), Failure>> {
        let store = self.store.clone();
        Box::pin(async move { Ok(store.disown(&written(&things)).await?) })
    }

    fn keeping(&self, instance: &str, tenant: &str) -> Keeping {
        if self.together.contains(instance) {
            return Keeping::Together;
        }
        // Where no key is asked for, nobody comes but one; a program that embeds the gateway may name others.
        let only = self.is_open && tenant == LOCAL_TENANT;
        match !only && self.is_shared(instance, tenant) {
            true => Keeping::Apart,
            false => Keeping::Alone,
        }
    }
}

/// Things as a store has them; one of nowhere is none.
fn written(things: &[Resource]) -> Vec<stores::Owned> {
    let written = things.iter().filter_map(|thing| {
        Some(stores::Owned {
            instance: thing.instance()?.to_string(),
            native: thing.native().to_string(),
        })
    });
    written.collect()
}

impl From<OwnedBy> for Owner {
    fn from(owned: OwnedBy) -> Self {
        Owner {
            instance: owned.thing.instance,
            native: owned.thing.native,
            tenant: owned.tenant,
        }
    }
}
