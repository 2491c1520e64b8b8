//! Feedback: how attempts end, told to the balancers that learn from it.
//!
//! Invariant: at most [`MOST`] observations wait for the router; beyond, and while it is away, they are dropped and counted.
//! An attempt never waits for one to be told.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use metrics::Counter;

use crate::messages::RouterMsg;
use crate::policy::balance::Observed;
use crate::policy::price::Price;
use crate::stream::Usage;
use crate::supervision::Handle;

/// Observations that may wait in the router's mailbox.
const MOST: usize = 4_096;

/// The way back to the router.
pub(crate) struct Feedback {
    router: Handle<RouterMsg>,
    waiting: AtomicUsize,
    dropped: Counter,
}

/// A place among the observations that wait; given back when it is dropped.
struct Place(Arc<Feedback>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl Feedback {
    pub(crate) fn new(router: Handle<RouterMsg>, dropped: Counter) -> Arc<Self> {
        Arc::new(Feedback {
            router,
            waiting: AtomicUsize::new(0),
            dropped,
        })
    }

    fn place(self: &Arc<Self>) -> Option<Place> {
        let place = Place(self.clone());
        (self.waiting.fetch_add(1, Relaxed) < MOST).then_some(place)
    }

    fn tell(self: &Arc<Self>, rule: Option<usize>, observed: Observed) {
        let sent = self.place().map(|place| {
            self.router.send(RouterMsg::Ended(Ended {
                rule,
                observed,
                _place: place,
            }))
        });
        if !matches!(sent, Some(Ok(()))) {
            self.dropped.increment(1);
        }
    }
}

/// An attempt that has ended, on its way to the balancer of its rule.
pub(crate) struct Ended {
    /// The number of the rule that made its candidates equivalent.
    pub(crate) rule: Option<usize>,
    pub(crate) observed: Observed,
    _place: Place,
}

/// No cost was told.
const UNKNOWN: u64 = u64::MAX;

/// Goes with an attempt, and tells how it ended. Dropped without that, nobody learns of it.
pub(crate) struct Watch {
    feedback: Arc<Feedback>,
    rule: Option<usize>,
    /// As it was chosen.
    observed: Observed,
    cost: AtomicU64,
    /// What it costs there, where that is known.
    price: Option<Price>,
}

impl Watch {
    /// Of an attempt as it was chosen, and the price there; its end is filled in.
    pub(crate) fn new(
        feedback: &Arc<Feedback>,
        rule: Option<usize>,
        observed: Observed,
        price: Option<Price>,
    ) -> Box<Self> {
        let flat = price.as_ref().and_then(Price::flat);
        Box::new(Watch {
            feedback: feedback.clone(),
            rule,
            cost: AtomicU64::new(flat.unwrap_or(UNKNOWN)),
            observed,
            price,
        })
    }

    /// It told of these tokens, all so far.
    pub(crate) fn spent(&self, usage: &Usage) {
        let priced = || self.price.as_ref().map(|price| price.actual(usage));
        if let Some(cost) = usage.cost_nano_usd.or_else(priced) {
            self.cost.store(cost, Relaxed);
        }
    }

    /// Another of the same attempt: only one of the two is to be told.
    pub(crate) fn twin(&self) -> Box<Self> {
        Box::new(Watch {
            feedback: self.feedback.clone(),
            rule: self.rule,
            observed: self.observed.clone(),
            cost: AtomicU64::new(self.cost.load(Relaxed)),
            price: self.price,
        })
    }

    /// It was given up after this time.
    pub(crate) fn outrun(self, took: Duration) {
        let observed = Observed {
            took,
            at_least: true,
            cost: None,
            ..self.observed
        };
        self.feedback.tell(self.rule, observed);
    }

    /// It has ended. `served`: whether the provider did its part, if that is known.
    pub(crate) fn ended(self, took: Duration, served: Option<bool>) {
        let cost = Some(self.cost.into_inner()).filter(|cost| *cost != UNKNOWN);
        let observed = Observed {
            took,
            outcome: served,
            cost,
            ..self.observed
        };
        self.feedback.tell(self.rule, observed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let feedback = Feedback::new(Handle::new(), Counter::noop());
        let taken: Vec<Place> = (0..MOST).map(|_| feedback.place().unwrap()).collect();
        assert!(feedback.place().is_none());
        assert_eq!(feedback.waiting.load(Relaxed), MOST);
        drop(taken);
        assert_eq!(feedback.waiting.load(Relaxed), 0);
        assert!(feedback.place().is_some());
    }
}
