//! Why none of an attempt's candidates can be asked, in one failure.
//!
//! Invariant: a caller is told the soonest time at which one of them may be, and nothing of an order's reason.

use std::time::Duration;

use super::offered::Offered;
use crate::call::Call;
use crate::error::{Failure, Kind};
use crate::instance::Instance;
use crate::policy::credits::Unfunded;

/// Why candidates could not be asked.
#[derive(Default)]
struct Refusals {
    open: Option<Duration>,
    failing: bool,
    forced: bool,
    /// No place, or not its turn; and until when, at the soonest.
    full: Option<Duration>,
    /// It is only the turn that has not come.
    paced: bool,
    /// Takes no calls, by order or on its way out.
    drained: bool,
    /// Its credits are being leased.
    short: bool,
    /// It is to be asked on credits, and has none of its own.
    uncredited: bool,
    /// Until there are new credits.
    spent: Option<Duration>,
}

impl Offered<'_> {
    /// Whether some of the candidates could be asked, were their credits leased.
    pub(super) fn is_short(&self) -> bool {
        self.refusals().short
    }

    /// Why none of the candidates can be asked.
    pub(super) fn refusal(&self) -> Failure {
        let refusals = self.refusals();
        if let (true, Some((index, wait))) = (refusals.paced, self.paced)
            && let Some(instance) = self.directory.serving(&self.set.instances[index])
        {
            return instance.comes_too_late(self.call, self.is_alone(), wait, self.now);
        }
        let failure = match &self.set.instances[..] {
            [one] => refusals.failure(one).by(one),
            _ => refusals.failure("every provider that could serve this"),
        };
        failure.never_sent()
    }

    fn refusals(&self) -> Refusals {
        let mut refusals = Refusals::default();
        let left = self.set.instances.iter().enumerate();
        let left = left.filter(|(_, name)| !self.excluded.contains(name));
        let left = left.filter_map(|(index, name)| Some((index, self.directory.serving(name)?)));
        for (index, instance) in left {
            if !instance.accepting() {
                refusals.drained = true;
                continue;
            }
            match instance.breaker.of(self.call).wait(self.now) {
                Some(wait) => {
                    let forced = instance.breaker.forced().is_some();
                    refusals.forced |= forced;
                    refusals.failing |= !forced;
                    refusals.open = Some(refusals.open.map_or(wait, |known| known.min(wait)));
                }
                None if !instance.has_room() || self.crowded.contains(&index) => {
                    let wait = instance.come_back();
                    refusals.full = Some(refusals.full.map_or(wait, |known| known.min(wait)));
                }
                None => refusals.unfunded(instance, self.set.asks_credits(index), self.call),
            }
        }
        if let Some((_, wait)) = self.paced {
            refusals.paced = refusals.full.is_none();
            refusals.full = Some(refusals.full.map_or(wait, |known| known.min(wait)));
        }
        refusals
    }
}

impl Refusals {
    /// Notes whether an instance is not asked for want of credits.
    fn unfunded(&mut self, instance: &Instance, demanded: bool, call: &Call) {
        match instance.credits.as_ref().and_then(|gate| gate.refuses(call, demanded)) {
            Some((Unfunded::Short, _)) => self.short = true,
            Some((Unfunded::Spent, wait)) => {
                self.spent = Some(self.spent.map_or(wait, |known| known.min(wait)));
            }
            None => self.uncredited |= demanded && instance.credits.is_none(),
        }
    }

    /// `who` cannot be asked.
    fn failure(self, who: &str) -> Failure {
        if let Some(wait) = self.full {
            return Failure::new(Kind::Overloaded, format!("{who} is busy")).after(wait);
        }
        if self.short {
            let sentence = format!("the credits of {who} are being leased");
            return Failure::new(Kind::Overloaded, sentence).after(Duration::from_millis(100));
        }
        if let Some(wait) = self.open {
            // By whom and why it was forced, operators see.
            let why = match (self.failing, self.forced) {
                (true, true) => "failing, or forced open by order",
                (false, true) => "forced open by order",
                _ => "failing",
            };
            return Failure::new(Kind::CircuitOpen, format!("{who} is {why}")).after(wait);
        }
        if let Some(wait) = self.spent {
            let sentence = format!("the credits of {who} are spent until their period ends");
            return Failure::new(Kind::BudgetExhausted, sentence).after(wait);
        }
        let why = match (self.drained, self.uncredited) {
            (true, _) => "is drained: it takes no calls",
            (_, true) => "is asked on credits alone, and has none",
            _ => "is not running",
        };
        Failure::new(Kind::NoProvider, format!("{who} {why}")).after(Duration::from_secs(1))
    }
}
