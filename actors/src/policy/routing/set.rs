//! Candidate sets: the instances that may serve a call, with an identity for cache keys.
//!
//! Invariant: a set's id is the same on every node and in every build, and does not depend on who of it is asked first.

use std::ops::Range;
use std::sync::Arc;

use super::super::balance::identity_of;
use super::Routable;
use crate::call::{Tag, tag_of_instance};

/// Equivalent instances for a call, in the order in which they are preferred, and within that of their rule.
#[derive(Debug, PartialEq, Eq)]
pub struct CandidateSet {
    /// Identifies the set and its credentials, for cache keys. The same on every node and in every build, because nodes
    /// share cached answers; and the same for all rules that come to these instances, whomever they prefer: any of them
    /// could have given the answer.
    pub id: u64,
    /// Identifies the order in which they are asked, too: what a rule in shadow is compared by.
    pub order: u64,
    /// The number of the rule that made them equivalent: its place in the list that the table was made of.
    pub rule: Option<usize>,
    /// Names.
    pub instances: Vec<Arc<str>>,
    /// The place of each in its rule's list; ascending.
    pub places: Vec<usize>,
    /// Who each is, for balancers.
    pub identities: Vec<u64>,
    /// What everything that one of them answered depends on, whatever it is about.
    pub tags: Vec<Tag>,
    /// Ranges of them, one after the other, that are tried in this order. There is at least one, and none is empty.
    pub tiers: Vec<Tier>,
    /// Those of whom what may be spent there is bounded, by their index.
    pub credited: Vec<usize>,
    /// Candidates that a share of the calls is led to first, with each one's share: from where to where between nothing and
    /// the whole, in parts of a million.
    pub canaries: Vec<(usize, Range<u32>)>,
}

/// Candidates that come into question together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Where they are in the set.
    pub range: Range<usize>,
    /// They are none, once their credits are spent.
    pub credits: bool,
}

/// A candidate on its way into a set.
pub(super) struct Candidate<'a> {
    pub(super) place: usize,
    /// The number of its tier, ascending.
    pub(super) tier: usize,
    pub(super) instance: &'a Routable,
}

impl CandidateSet {
    /// A set of one.
    pub(super) fn alone(instance: &Routable) -> Self {
        let only = Candidate {
            place: 0,
            tier: 0,
            instance,
        };
        CandidateSet::of(None, [only], |_| false)
    }

    /// A set of these, in their order; `credits` tells of each tier whether it asks for them.
    pub(super) fn of<'a>(
        rule: Option<usize>,
        members: impl IntoIterator<Item = Candidate<'a>>,
        credits: impl Fn(usize) -> bool,
    ) -> Self {
        let members: Vec<Candidate<'a>> = members.into_iter().collect();
        let mut tiers: Vec<Tier> = Vec::new();
        let mut order = Fnv1a::NEW;
        for (index, member) in members.iter().enumerate() {
            let begins = index == 0 || members[index - 1].tier != member.tier;
            match tiers.last_mut() {
                Some(tier) if !begins => tier.range.end = index + 1,
                _ => {
                    let credits = credits(member.tier);
                    order.write(&[0xff, u8::from(credits)]);
                    tiers.push(Tier {
                        range: index..index + 1,
                        credits,
                    });
                }
            }
            order.instance(member.instance);
        }
        CandidateSet {
            id: identity(&members),
            order: order.0,
            rule,
            identities: members
                .iter()
                .map(|member| identity_of(&member.instance.name))
                .collect(),
            tags: members
                .iter()
                .map(|member| tag_of_instance(&member.instance.name))
                .collect(),
            instances: members.iter().map(|member| member.instance.name.clone()).collect(),
            places: members.iter().map(|member| member.place).collect(),
            tiers,
            credited: (0..members.len())
                .filter(|index| members[*index].instance.credited)
                .collect(),
            canaries: Vec::new(),
        }
    }

    /// Whether a candidate asks for credits of its own.
    pub fn asks_credits(&self, index: usize) -> bool {
        self.tiers
            .iter()
            .any(|tier| tier.credits && tier.range.contains(&index))
    }
}

/// Of a set, whatever its order.
fn identity(members: &[Candidate<'_>]) -> u64 {
    let mut sorted: Vec<&Routable> = members.iter().map(|member| member.instance).collect();
    sorted.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut id = Fnv1a::NEW;
    for instance in sorted {
        id.instance(instance);
    }
    id.0
}

/// FNV-1a, 64 bits (the constants are its authors'). The standard library's hashers promise nothing across builds; names
/// come from the configuration, so nobody chooses them to collide.
pub(super) struct Fnv1a(pub(super) u64);

impl Fnv1a {
    pub(super) const NEW: Fnv1a = Fnv1a(0xcbf2_9ce4_8422_2325);

    pub(super) fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn instance(&mut self, instance: &Routable) {
        // The length first: no two lists of names run together to the same bytes.
        self.write(&(instance.name.len() as u64).to_le_bytes());
        self.write(instance.name.as_bytes());
        self.write(&instance.credential_scope.to_le_bytes());
    }
}
