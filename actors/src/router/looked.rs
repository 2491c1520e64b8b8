//! Calls that are not made: whom the router would ask for one, or why nobody.
//!
//! Invariant: no permit is taken, no turn of a balancer spent, and nothing counted.

use tokio::time::Instant;

use super::offered::Offered;
use super::{Router, Turn, choose};
use crate::decision::Awaited;
use crate::error::Kind;
use crate::instance::Grant;
use crate::messages::Look;
use crate::policy::balance::Scores;

/// What would become of a call that is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// It would be sent.
    Sent,
    /// It would be sent after a wait.
    Waits(Awaited),
    /// It would be refused.
    Refused(Kind),
}

impl Router {
    /// Writes down how a call's candidates stand and who would be asked first.
    pub(super) fn look(&mut self, look: Look) {
        let directory = self.env.directory.load();
        let (asked, now) = ((&*look.candidates, &look.call), self.env.clock.nanos());
        let mut offered = Offered::new(asked, &directory, &[], &mut self.ejections, now);
        look.trace.write(|decision| decision.look(|index| offered.seen(index)));
        let mut turn = Turn::Looked;
        let chosen = loop {
            let mut scores = Scores::default();
            let chosen = choose(&mut self.balancers, &self.env, &offered, turn, &mut scores);
            look.trace.write(|decision| decision.scored(&scores));
            let Some(index) = chosen else {
                // As where it is asked for: of an answer of who answers badly.
                if std::mem::take(&mut offered.spares) {
                    continue;
                }
                break None;
            };
            match offered.would_take(index) {
                Ok(()) => break Some(index),
                Err(why) => {
                    look.trace.write(|decision| decision.declined(index, why));
                    offered.declined.push(index);
                    turn = Turn::Later;
                }
            }
        };
        let (first, looked) = match chosen {
            Some(index) => (Some(index), Looked::Sent),
            None => awaited(&offered, look.call.deadline),
        };
        if let Some(index) = first {
            look.trace.write(|decision| decision.would_ask(index));
        }
        // Who went away needs no word.
        let _gone = look.done.send(looked);
    }
}

/// What becomes of a call that nobody takes now: whom it would wait for, or why it would be refused.
fn awaited(offered: &Offered<'_>, deadline: Instant) -> (Option<usize>, Looked) {
    let (instance, awaited) = match offered.waits() {
        Some(Grant::Crowded(instance)) => (instance, Awaited::Place),
        Some(Grant::Paced(instance, wait)) => {
            let patience = deadline.saturating_duration_since(Instant::now()) / 2;
            if wait > patience.min(instance.longest_pace()) {
                let failure = instance.comes_too_late(offered.call, offered.is_alone(), wait, offered.now);
                return (None, Looked::Refused(failure.kind));
            }
            (instance, Awaited::Turn)
        }
        _ => return (None, Looked::Refused(offered.refusal().kind)),
    };
    let index = offered
        .set
        .instances
        .iter()
        .position(|name| *name == instance.spec.name);
    (index, Looked::Waits(awaited))
}
