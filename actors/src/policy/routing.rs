//! Routing rules: which instances are equivalent for a call.
//!
//! Invariant: a table is immutable; routing reads it and allocates nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::call::{Call, Operation, Resource};
use crate::driver::Capabilities;
use crate::error::{Failure, Kind};

/// A rule: calls that match all its conditions go to its instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Only this tenant; rules with a tenant are tried before global ones.
    pub tenant: Option<Arc<str>>,
    /// Only operations of this service.
    pub service: Option<Arc<str>>,
    /// Only operations whose name is this or begins with it and a dot: `git`, `git.repo`, `git.repo.get`.
    pub operation: Option<Arc<str>>,
    /// Only resources that match; `*` stands for any run of characters.
    pub resource: Option<Arc<str>>,
    /// The instances, all able to serve the same resources.
    pub instances: Vec<Arc<str>>,
}

/// What routing must know of an instance.
#[derive(Clone, Debug)]
pub struct Routable {
    /// Its name.
    pub name: Arc<str>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Distinguishes the credentials that answers were had with.
    pub credential_scope: u64,
}

/// Equivalent instances for a call, in the order of the rule.
#[derive(Debug)]
pub struct CandidateSet {
    /// Identifies the set and its credentials, for cache keys and balancers. The same on every node and in every build,
    /// because nodes share cached answers.
    pub id: u64,
    /// Names.
    pub instances: Vec<Arc<str>>,
}

/// The compiled rules.
#[derive(Debug, Default)]
pub struct RoutingTable {
    rules: Vec<Compiled>,
    /// Without a rule: every instance that can do the operation.
    by_operation: HashMap<&'static str, Arc<CandidateSet>>,
    pinned: HashMap<Arc<str>, (Arc<CandidateSet>, Capabilities)>,
    /// Known by name only: never loaded so far.
    unloaded: HashSet<Arc<str>>,
}

#[derive(Debug)]
struct Compiled {
    rule: Rule,
    by_operation: HashMap<&'static str, Arc<CandidateSet>>,
}

impl RoutingTable {
    /// Compiles rules over instances. Names in rules that are no instance are passed over: configuration refuses
    /// them, and an instance may be gone for a while.
    pub fn new(rules: &[Rule], instances: &[Routable], unloaded: &[Arc<str>]) -> Self {
        let all: Vec<&Routable> = instances.iter().collect();
        let (of_tenants, global): (Vec<_>, Vec<_>) = rules.iter().cloned().partition(|rule| rule.tenant.is_some());
        let rules = of_tenants
            .into_iter()
            .chain(global)
            .map(|rule| {
                let named: Vec<&Routable> = rule
                    .instances
                    .iter()
                    .filter_map(|name| all.iter().copied().find(|i| i.name == *name))
                    .collect();
                Compiled {
                    by_operation: sets(&named),
                    rule,
                }
            })
            .collect();
        let pinned = all
            .iter()
            .map(|instance| {
                let set = Arc::new(CandidateSet::of(&[instance]));
                (instance.name.clone(), (set, instance.capabilities.clone()))
            })
            .collect();
        RoutingTable {
            rules,
            by_operation: sets(&all),
            pinned,
            unloaded: unloaded.iter().cloned().collect(),
        }
    }

    /// The candidates of a call.
    ///
    /// # Errors
    /// `unsupported` when no candidate can do the operation, `not_found` or `invalid_input` for an unknown
    /// instance, `no_provider` when there is none at all.
    pub fn route(&self, call: &Call) -> Result<&Arc<CandidateSet>, Failure> {
        let operation = call.operation;
        if let Some(name) = call.provider.as_ref() {
            let unknown = || Failure::invalid("provider", format!("no provider is called {name}"));
            return self.pin(name, operation, unknown);
        }
        if let Some(name) = call.resource.instance() {
            let unknown = || Failure::new(Kind::NotFound, format!("no provider is called {name}"));
            return self.pin(name, operation, unknown);
        }
        if let Some(compiled) = self.rules.iter().find(|compiled| compiled.rule.matches(call)) {
            return compiled
                .by_operation
                .get(operation.name)
                .ok_or_else(|| unsupported(operation, None));
        }
        self.by_operation.get(operation.name).ok_or_else(|| {
            if self.pinned.is_empty() {
                Failure::new(Kind::NoProvider, "no provider is configured")
            } else {
                unsupported(operation, None)
            }
        })
    }

    /// Every instance that can do `operation` for `tenant` and any resource: what `provider=all` asks.
    pub fn capable(&self, operation: &str) -> Vec<Arc<str>> {
        self.by_operation
            .get(operation)
            .map(|set| set.instances.clone())
            .unwrap_or_default()
    }

    fn pin(
        &self,
        name: &Arc<str>,
        operation: &Operation,
        unknown: impl Fn() -> Failure,
    ) -> Result<&Arc<CandidateSet>, Failure> {
        match self.pinned.get(name) {
            Some((set, capabilities)) if capabilities.can(operation.name) => Ok(set),
            Some(_) => Err(unsupported(operation, Some(name))),
            None if self.unloaded.contains(name) => {
                Err(Failure::new(Kind::NoProvider, format!("{name} has not come up so far"))
                    .by(name)
                    .never_sent())
            }
            None => Err(unknown()),
        }
    }
}

impl CandidateSet {
    fn of(instances: &[&Routable]) -> Self {
        let mut id = Fnv1a::NEW;
        for instance in instances {
            // The length first: no two lists of names run together to the same bytes.
            id.write(&(instance.name.len() as u64).to_le_bytes());
            id.write(instance.name.as_bytes());
            id.write(&instance.credential_scope.to_le_bytes());
        }
        CandidateSet {
            id: id.0,
            instances: instances.iter().map(|i| i.name.clone()).collect(),
        }
    }
}

/// FNV-1a, 64 bits (the constants are its authors'). The standard library's hashers promise nothing across builds; names
/// come from the configuration, so nobody chooses them to collide.
struct Fnv1a(u64);

impl Fnv1a {
    const NEW: Fnv1a = Fnv1a(0xcbf2_9ce4_8422_2325);

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Rule {
    fn matches(&self, call: &Call) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == call.caller.tenant)
            && self
                .service
                .as_ref()
                .is_none_or(|service| **service == *call.operation.service)
            && self
                .operation
                .as_ref()
                .is_none_or(|prefix| covers(prefix, call.operation.name))
            && self
                .resource
                .as_ref()
                .is_none_or(|pattern| matches_resource(pattern, &call.resource))
    }
}

fn sets(instances: &[&Routable]) -> HashMap<&'static str, Arc<CandidateSet>> {
    let mut operations: Vec<&'static str> = instances.iter().flat_map(|i| i.capabilities.names()).collect();
    operations.sort_unstable();
    operations.dedup();
    operations
        .into_iter()
        .map(|operation| {
            let able: Vec<&Routable> = instances
                .iter()
                .copied()
                .filter(|i| i.capabilities.can(operation))
                .collect();
            (operation, Arc::new(CandidateSet::of(&able)))
        })
        .collect()
}

fn unsupported(operation: &Operation, instance: Option<&Arc<str>>) -> Failure {
    let failure = match instance {
        Some(name) => Failure::new(Kind::Unsupported, format!("{name} cannot do {}", operation.name)).by(name),
        None => Failure::new(Kind::Unsupported, format!("no provider here can do {}", operation.name)),
    };
    failure.never_sent()
}

fn covers(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn matches_resource(pattern: &str, resource: &Resource) -> bool {
    glob(pattern.as_bytes(), resource.native().as_bytes())
}

/// `*` matches any run of bytes. Linear in the text for each star: it remembers only the last star.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            star = Some((star_p, star_t + 1));
            p = star_p + 1;
            t = star_t + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reference: straight from the definition.
    fn slow_glob(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| slow_glob(rest, &text[skip..])),
            Some((byte, rest)) => text
                .split_first()
                .is_some_and(|(first, more)| first == byte && slow_glob(rest, more)),
        }
    }

    proptest! {
        #[test]
        fn globs_as_defined(pattern in "[ab*]{0,8}", text in "[ab]{0,12}") {
            prop_assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), slow_glob(pattern.as_bytes(), text.as_bytes()));
        }
    }

    #[test]
    fn a_candidate_set_has_the_same_id_on_every_node_and_in_every_build() {
        let id = |instances: &[(&str, u64)]| {
            let routable: Vec<_> = instances
                .iter()
                .map(|(name, scope)| Routable {
                    name: Arc::from(*name),
                    capabilities: Capabilities::default(),
                    credential_scope: *scope,
                })
                .collect();
            CandidateSet::of(&routable.iter().collect::<Vec<_>>()).id
        };
        // Calculated apart; a change of it empties every shared cache.
        assert_eq!(id(&[("a", 1), ("b", 2)]), 0x9015_0152_1f41_bd45);
        assert_ne!(id(&[("a", 1)]), id(&[("a", 2)]));
        assert_ne!(id(&[("ab", 0)]), id(&[("a", 0), ("b", 0)]));
    }

    #[test]
    fn a_prefix_covers_whole_words() {
        assert!(covers("git", "git.repo.get"));
        assert!(covers("git.repo.get", "git.repo.get"));
        assert!(!covers("git.rep", "git.repo.get"));
    }
}
