//! Candidate sets: the instances that may serve a call, with an identity for cache keys.
//!
//! Invariant: a set's id is the same on every node and in every build.

use std::sync::Arc;

use super::super::balance::identity_of;
use super::Routable;
use crate::call::{Tag, tag_of_instance};

/// Equivalent instances for a call, in the order of their rule.
#[derive(Debug, PartialEq, Eq)]
pub struct CandidateSet {
    /// Identifies the set and its credentials, for cache keys. The same on every node and in every build, because nodes
    /// share cached answers.
    pub id: u64,
    /// The number of the rule that made them equivalent: its place in the list that the table was made of.
    pub rule: Option<usize>,
    /// Names.
    pub instances: Vec<Arc<str>>,
    /// The place of each in its rule's list.
    pub places: Vec<usize>,
    /// Who each is, for balancers.
    pub identities: Vec<u64>,
    /// What everything that one of them answered depends on, whatever it is about.
    pub tags: Vec<Tag>,
}

impl CandidateSet {
    pub(super) fn of<'a>(rule: Option<usize>, members: impl IntoIterator<Item = (usize, &'a Routable)>) -> Self {
        let mut id = Fnv1a::NEW;
        let (mut instances, mut places) = (Vec::new(), Vec::new());
        for (place, instance) in members {
            // The length first: no two lists of names run together to the same bytes.
            id.write(&(instance.name.len() as u64).to_le_bytes());
            id.write(instance.name.as_bytes());
            id.write(&instance.credential_scope.to_le_bytes());
            instances.push(instance.name.clone());
            places.push(place);
        }
        CandidateSet {
            id: id.0,
            rule,
            identities: instances.iter().map(|name| identity_of(name)).collect(),
            tags: instances.iter().map(|name| tag_of_instance(name)).collect(),
            instances,
            places,
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
