//! What a server has seen: requests that arrived, requests it answered, faults it applied.
//!
//! Invariant: every map is bounded; what finds no room is counted under [`OTHER`].

use std::collections::BTreeMap;

use http::Method;
use serde::Serialize;

/// The most distinct keys of one map.
const MAX_KEYS: usize = 4_096;
/// Where the surplus is counted.
const OTHER: &str = "other";

/// Counts since the server's start. A request for the control endpoint is never counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Requests read completely, whatever became of them.
    pub total: u64,
    /// The same by method and path as sent, without the query: `POST /repos/acme/api/issues`.
    pub arrived: BTreeMap<String, u64>,
    /// Requests that a route of the vendor worked on, by method and route: `GET /repos/{owner}/{repo}`.
    pub served: BTreeMap<String, u64>,
    /// Effects applied, by name.
    pub faults: BTreeMap<String, u64>,
}

impl Requests {
    /// How many requests arrived with this method and exactly this path.
    #[must_use]
    pub fn arrived(&self, method: &Method, path: &str) -> u64 {
        self.arrived.get(&key(method, path)).copied().unwrap_or_default()
    }

    /// How many requests a route worked on.
    #[must_use]
    pub fn served(&self, method: &Method, route: &str) -> u64 {
        self.served.get(&key(method, route)).copied().unwrap_or_default()
    }

    /// How often an effect was applied.
    #[must_use]
    pub fn faults(&self, effect: &str) -> u64 {
        self.faults.get(effect).copied().unwrap_or_default()
    }

    pub(crate) fn arrive(&mut self, method: &Method, path: &str) {
        self.total += 1;
        bump(&mut self.arrived, key(method, path));
    }

    pub(crate) fn serve(&mut self, method: &Method, route: &str) {
        bump(&mut self.served, key(method, route));
    }

    pub(crate) fn fault(&mut self, effect: &str) {
        bump(&mut self.faults, effect.to_owned());
    }
}

fn key(method: &Method, path: &str) -> String {
    format!("{method} {path}")
}

fn bump(counts: &mut BTreeMap<String, u64>, key: String) {
    let full = counts.len() >= MAX_KEYS && !counts.contains_key(&key);
    *counts.entry(if full { OTHER.to_owned() } else { key }).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surplus_of_distinct_paths_is_counted_together() {
        let mut requests = Requests::default();
        for n in 0..MAX_KEYS + 10 {
            requests.arrive(&Method::GET, &format!("/{n}"));
        }
        assert_eq!(requests.total, (MAX_KEYS + 10) as u64);
        assert_eq!(requests.arrived(&Method::GET, "/7"), 1);
        assert_eq!(requests.arrived[OTHER], 10);
    }
}
