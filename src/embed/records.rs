//! Decision records as the surfaces show them.
//!
//! Invariant: to a caller of the public surface its own tenant's alone, of operations that it was granted, and a dry run of
//! what it may call alone; to look takes of the tenant's rate what a call takes.

use mosaic_actors::call::{Call, Caller};
use mosaic_actors::decision::Explained;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::system::System;
use serde_json::Value;

use super::mosaic::Mosaic;
use super::rule_words::RuleWords;
use crate::catalogue::Catalogue;
use crate::dispatch::Unsent;
use crate::surfaces::decisions::Decisions;

/// The records of a gateway.
pub(super) struct Records {
    system: System,
    catalogue: Catalogue,
    words: RuleWords,
}

impl Records {
    pub(super) fn of(gateway: &Mosaic) -> Self {
        Records {
            system: gateway.system().clone(),
            catalogue: gateway.catalogue().clone(),
            words: RuleWords::of(&gateway.config().routes),
        }
    }

    /// The records with an id, of every tenant.
    pub(super) fn with_id(&self, id: &str) -> Vec<Value> {
        let records = self.system.gateway().explain(id, None);
        records.iter().map(|record| self.words.told(record, true)).collect()
    }

    /// The newest ones; of one tenant, or of all.
    pub(super) fn newest(&self, limit: usize, tenant: Option<&str>) -> Vec<Value> {
        let records = self.system.gateway().decisions(limit, tenant);
        records.iter().map(|record| self.words.told(record, true)).collect()
    }
}

#[cfg(feature = "cli")]
impl Mosaic {
    /// A record as who runs the gateway reads it.
    pub(crate) fn told(&self, decision: &Explained) -> Value {
        RuleWords::of(&self.config().routes).told(decision, true)
    }
}

impl Decisions for Records {
    fn told(&self, decision: &Explained) -> Value {
        self.words.told(decision, false)
    }

    fn of(&self, id: &str, caller: &Caller) -> Result<Vec<Value>, Failure> {
        self.system.gateway().charge(&caller.tenant)?;
        let records = self.system.gateway().explain(id, Some(&caller.tenant));
        let granted = |record: &&Explained| {
            let operation = self.catalogue.number(&record.call.operation);
            operation.map_or(caller.scopes.is_none(), |operation| caller.may_do(&operation))
        };
        Ok(records.iter().filter(granted).map(|record| self.told(record)).collect())
    }

    fn dry_run(&self, unsent: Unsent) -> BoxFuture<Result<Value, Failure>> {
        let (system, words) = (self.system.clone(), self.words.clone());
        Box::pin(async move {
            let explain = async |call: Call| {
                let operation = call.operation;
                if !system.allows(&call.caller.tenant, operation.service, operation.name) {
                    let sentence = format!("{} is not within the reach of this key", operation.name);
                    return Err(Failure::new(Kind::NotFound, sentence).never_sent());
                }
                system.gateway().charge(&call.caller.tenant)?;
                Ok(system.gateway().dry_run(call).await)
            };
            let rehearsed = unsent.rehearse(explain).await?;
            Ok(rehearsed.told(words.told(&rehearsed.explained, false)))
        })
    }
}
