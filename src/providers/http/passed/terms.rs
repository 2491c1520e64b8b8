//! What a kind says of how requests are passed through to it.
//!
//! Invariant: it is said once for a kind, and holds for each of its instances.

use super::super::Endpoint;
use crate::catalogue::proxy;

/// How a kind of provider has requests passed through to it.
pub struct Passing<D> {
    /// Where they go.
    pub(in crate::providers) endpoint: fn(&D) -> &Endpoint,
    pub(in crate::providers) terms: Terms,
}

/// What is said of it beside where it goes.
#[derive(Clone, Copy)]
pub(in crate::providers) struct Terms {
    pub(super) hosts: &'static [Host],
    pub(super) metered: &'static [&'static str],
}

/// A second place of a kind's API.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Its name: below an instance, it is found at `_name`.
    pub name: &'static str,
    /// Where the vendor's own cloud has it.
    pub cloud: &'static str,
    /// The path at which servers of one's own have it.
    pub own: &'static str,
}

impl<D> Clone for Passing<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for Passing<D> {}

impl<D> Passing<D> {
    /// To this endpoint.
    pub const fn to(endpoint: fn(&D) -> &Endpoint) -> Self {
        let terms = Terms {
            hosts: &[],
            metered: &[],
        };
        Passing { endpoint, terms }
    }

    /// And to these places.
    #[must_use]
    pub const fn and(mut self, hosts: &'static [Host]) -> Self {
        self.terms.hosts = hosts;
        self
    }

    /// What is asked by `POST` at paths that end so is billed by tokens, and its answers tell how many.
    #[must_use]
    pub const fn metered(mut self, ends: &'static [&'static str]) -> Self {
        self.terms.metered = ends;
        self
    }

    /// The names of the operations that it makes possible.
    pub(in crate::providers) fn operations(&self) -> Vec<&'static str> {
        let metered = (!self.terms.metered.is_empty()).then_some(proxy::METERED.name);
        [proxy::READ.name, proxy::WRITE.name]
            .into_iter()
            .chain(metered)
            .collect()
    }
}
