//! What a caller may know of: the instances, operations and kinds within its reach.
//!
//! Invariant: what is told here is what a call of it would be let do, so nothing is offered that would be refused.

use std::sync::Arc;

use mosaic_actors::call::{Caller, OperationRef};
use serde_json::{Value, json};

use super::mosaic::Mosaic;
use crate::surfaces::rest::InstanceCapabilities;

impl Mosaic {
    /// The instances that `tenant` may know of, whether they run or not.
    pub(super) fn names(&self, tenant: &str) -> Vec<Arc<str>> {
        let all = self.system().plugins().snapshot().into_iter();
        let names = all.map(|plugin| plugin.name);
        names.filter(|name| self.system().reaches(tenant, name)).collect()
    }

    /// Whether an operation is there for `caller`: it is for its tenant, and was granted to it.
    pub(super) fn offers(&self, caller: &Caller, operation: OperationRef) -> bool {
        caller.may_do(&operation) && self.system().is_there_for(operation, &caller.tenant)
    }

    /// Those of some operations that `caller` may use.
    fn usable(&self, caller: &Caller, mut operations: Vec<&'static str>) -> Vec<&'static str> {
        let catalogue = self.catalogue();
        operations.retain(|name| {
            let found = catalogue.number(name);
            found.is_some_and(|operation| {
                let within = self.system().allows(&caller.tenant, operation.service, operation.name);
                within && caller.may_do(&operation)
            })
        });
        operations
    }

    /// What `caller` may know of.
    pub(super) fn capabilities(&self, caller: &Caller) -> Vec<InstanceCapabilities> {
        self.snapshot()
            .instances
            .into_iter()
            .filter(|instance| self.system().reaches(&caller.tenant, &instance.name))
            .map(|instance| InstanceCapabilities {
                operations: self.usable(caller, instance.operations),
                proxy: self.usable(caller, self.inner.instances.native.passed(&instance.kind)),
                instance: instance.name,
                kind: instance.kind,
            })
            // One in which it can do nothing is none of its matter.
            .filter(|told| !told.operations.is_empty() || !told.proxy.is_empty())
            .collect()
    }

    /// Which kinds can do what, of those that `caller` may know of: somebody whose reach is bounded of those alone that an
    /// instance within it is of.
    pub(super) fn matrix(&self, caller: &Caller) -> Value {
        let mut rows = self.inner.instances.native.matrix();
        if !self.system().is_unbounded(&caller.tenant) {
            let instances = self.capabilities(caller);
            let is_known = |kind: &&'static str| instances.iter().any(|instance| *instance.kind == **kind);
            for row in &mut rows {
                row.kinds.retain(is_known);
                row.emulated.retain(is_known);
            }
        }
        json!(rows)
    }
}
