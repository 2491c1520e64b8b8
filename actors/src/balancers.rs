//! The balancers of a system's rules: made at their first choice, told how attempts end, saved and restored.
//!
//! Invariant: the router alone has them. What they learned is kept here whenever somebody asks for it, so that a router that
//! is restarted begins with that.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use metrics::Counter;

use crate::call::Call;
use crate::feedback::{Ended, Feedback, Watch};
use crate::instance::Instance;
use crate::messages::RouterMsg;
use crate::policy::balance::adaptive::model_of;
use crate::policy::balance::{Asked, Balance, Balancer, Learned, Observed, Scores};
use crate::policy::estimate::Class;
use crate::policy::routing::{self, CandidateSet, Eligible, Rule};
use crate::supervision::Handle;

/// What balancers learned, by the number of their rule, beyond an incarnation of the router.
pub(crate) struct Lessons {
    kept: ArcSwap<Vec<(usize, Learned)>>,
    feedback: Arc<Feedback>,
}

impl Lessons {
    /// What a former run of the system kept; and the way back to the router.
    pub(crate) fn new(kept: Vec<(usize, Learned)>, router: Handle<RouterMsg>, dropped: Counter) -> Self {
        Lessons {
            kept: ArcSwap::from_pointee(kept),
            feedback: Feedback::new(router, dropped),
        }
    }

    /// As they were kept last.
    pub(crate) fn kept(&self) -> Vec<(usize, Learned)> {
        self.kept.load().to_vec()
    }
}

/// The balancers, by the number of the rule that names each.
#[derive(Default)]
pub(crate) struct Balancers(HashMap<Option<usize>, Box<dyn Balancer>>);

impl Balancers {
    /// The candidate that its rule's balancer chooses.
    pub(crate) fn choose(
        &mut self,
        rules: &[Rule],
        lessons: &Lessons,
        asked: &Asked<'_>,
        eligible: &Eligible<'_>,
        scores: &mut Scores,
    ) -> Option<usize> {
        let rule = eligible.set.rule;
        let balancer = self
            .0
            .entry(rule)
            .or_insert_with(|| balancer(rule, rules, lessons, asked.now));
        routing::choose(eligible, &mut **balancer, asked, scores)
    }

    /// What goes with an attempt at a candidate and tells how it ends, where the balancer of its rule learns.
    pub(crate) fn watch(
        &self,
        lessons: &Lessons,
        call: &Call,
        set: &CandidateSet,
        index: usize,
        instance: &Instance,
    ) -> Option<Box<Watch>> {
        let learns = self.0.get(&set.rule).is_some_and(|balancer| balancer.learns());
        learns.then(|| {
            let observed = Observed {
                place: set.places[index],
                identity: set.identities[index],
                class: Class::of(&call.operation),
                model: model_of(call),
                payload_bytes: call.attributes.payload_bytes,
                // It holds its own permit already.
                in_flight: instance.in_flight().saturating_sub(1),
                remaining: instance.remaining(),
                took: std::time::Duration::ZERO,
                at_least: false,
                outcome: None,
                cost: None,
            };
            let price = instance.spec.billing.prices.price(call).copied();
            Watch::new(&lessons.feedback, set.rule, observed, price)
        })
    }

    /// An attempt has ended.
    pub(crate) fn ended(&mut self, ended: &Ended, now: u64) {
        // A router that was restarted meanwhile has made no balancer of that rule so far.
        if let Some(balancer) = self.0.get_mut(&ended.rule) {
            balancer.observe(&ended.observed, now);
        }
    }

    /// What they have learned, kept from now on. Rules that were not used so far stay as they were kept.
    pub(crate) fn save(&self, lessons: &Lessons) -> Vec<(usize, Learned)> {
        let mut all: HashMap<usize, Learned> = lessons.kept().into_iter().collect();
        let learned = self
            .0
            .iter()
            .filter_map(|(rule, balancer)| Some(((*rule)?, balancer.learned()?)));
        all.extend(learned);
        let mut all: Vec<(usize, Learned)> = all.into_iter().collect();
        all.sort_by_key(|(rule, _)| *rule);
        lessons.kept.store(Arc::new(all.clone()));
        all
    }
}

/// The balancer that a rule names, with what it learned before.
fn balancer(rule: Option<usize>, rules: &[Rule], lessons: &Lessons, now: u64) -> Box<dyn Balancer> {
    let named = rule.and_then(|number| rules.get(number));
    let mut balancer = named.map_or_else(|| Balance::default().balancer(), Rule::balancer);
    let kept = lessons.kept.load();
    let kept = kept.iter().find(|(number, _)| Some(*number) == rule);
    if let Some((number, learned)) = kept
        && let Err(error) = balancer.restore(learned, now)
    {
        tracing::warn!(rule = *number, %error, "what a balancer had learned cannot be taken up; it begins anew");
    }
    balancer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::balance::{Adaptive, Unlearned, Weights, identity_of};

    fn rules() -> Vec<Rule> {
        vec![Rule {
            balance: Balance::Adaptive(Weights::DEFAULT),
            ..Rule::default()
        }]
    }

    fn lessons(kept: Vec<(usize, Learned)>) -> Lessons {
        Lessons::new(kept, Handle::new(), Counter::noop())
    }

    #[test]
    fn what_is_broken_is_refused_and_the_balancer_begins_anew() {
        let broken = Learned::from_bytes(b"nonsense, and long enough for a head".to_vec());
        let mut adaptive = Adaptive::new(Weights::DEFAULT);
        let anew = adaptive.learned();
        assert_eq!(adaptive.restore(&broken, 0), Err(Unlearned::Version));
        let begun = balancer(Some(0), &rules(), &lessons(vec![(0, broken)]), 0);
        assert_eq!(begun.learned(), anew);
    }

    #[test]
    fn what_is_saved_is_what_a_restarted_router_begins_with() {
        let mut adaptive = Adaptive::new(Weights::DEFAULT);
        let observed = Observed {
            place: 0,
            identity: identity_of("one"),
            class: Class {
                cost: crate::call::CostClass::Read,
                streaming: false,
            },
            model: None,
            payload_bytes: 0,
            in_flight: 0,
            remaining: None,
            took: std::time::Duration::from_millis(7),
            at_least: false,
            outcome: Some(true),
            cost: None,
        };
        adaptive.observe(&observed, 1);
        let learned = adaptive.learned();
        let mut balancers = Balancers::default();
        balancers.0.insert(Some(0), Box::new(adaptive));
        let lessons = lessons(vec![(7, Learned::from_bytes(b"of another rule".to_vec()))]);
        let saved = balancers.save(&lessons);
        assert_eq!(saved.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), [0, 7]);
        assert_eq!(lessons.kept(), saved);
        assert_eq!(balancer(Some(0), &rules(), &lessons, 1).learned(), learned);
    }
}
