//! The router actor: balances, guards, forwards.
//!
//! Invariant: it handles an attempt in one turn, without waiting; "no candidate left" is its answer, too. The directory
//! that it publishes is the only list of instances.

mod ejection;
mod looked;
mod offered;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::balancers::{Balancers, Lessons};
use crate::clock::Clock;
use crate::decision::Verdict;
use crate::directory::{Directory, Published, Rulebook};
use crate::instance::{Grant, GuardedAttempt, ProviderMsg};
use crate::messages::{Attempt, RouterMsg};
use crate::plugin::Registry;
use crate::policy::balance::{Asked, Basis, Candidates, Scores};
use crate::policy::outlier::OutlierSettings;
use crate::policy::routing::Eligible;
use crate::supervision::{ChildSpec, Context, Events, Fault, Handle, Unavailable, Worker};
use crate::telemetry::{Meters, phase, sampled};

use ejection::Ejections;
pub(crate) use looked::Looked;
use offered::Offered;

/// What the router works with.
pub(crate) struct RouterEnv {
    pub(crate) clock: Clock,
    pub(crate) meters: Arc<Meters>,
    pub(crate) rulebook: Rulebook,
    pub(crate) registry: Arc<Registry>,
    pub(crate) directory: Arc<Published>,
    pub(crate) lessons: Arc<Lessons>,
    /// When an instance is ejected.
    pub(crate) outlier: OutlierSettings,
    /// Where ejections are told.
    pub(crate) events: Events,
}

struct Router {
    env: Arc<RouterEnv>,
    balancers: Balancers,
    ejections: Ejections,
    /// Tells it when the registry has changed.
    follower: Option<AbortOnDropHandle<()>>,
}

/// The child spec of the router actor.
pub(crate) fn router_spec(handle: &Handle<RouterMsg>, env: &Arc<RouterEnv>) -> ChildSpec {
    let env = env.clone();
    ChildSpec::worker("router", handle, move || {
        Ok(Router {
            env: env.clone(),
            balancers: Balancers::default(),
            ejections: Ejections::new(env.clone()),
            follower: None,
        })
    })
    .kind("router")
}

impl Worker for Router {
    type Msg = RouterMsg;

    async fn start(&mut self, cx: &Context<RouterMsg>) -> Result<(), Fault> {
        let follow = follow(self.env.registry.clone(), cx.handle().clone());
        self.follower = Some(AbortOnDropHandle::new(tokio::spawn(follow)));
        self.refresh();
        self.ejections.start(cx);
        Ok(())
    }

    async fn handle(&mut self, message: RouterMsg, cx: &Context<RouterMsg>) -> Result<(), Fault> {
        match message {
            RouterMsg::Attempt(attempt) => self.forward(attempt),
            RouterMsg::Look(look) => self.look(look),
            RouterMsg::Refresh => self.refresh(),
            RouterMsg::Ended(ended) => self.balancers.ended(&ended, self.env.clock.nanos()),
            RouterMsg::Learned(done) => {
                // Who asked may have gone away; it is kept all the same.
                let _gone = done.send(self.balancers.save(&self.env.lessons));
            }
            RouterMsg::Failing(name) => self.ejections.failing(&name, cx),
            RouterMsg::Well(name) => self.ejections.well(&name),
            RouterMsg::Sweep => self.ejections.sweep(cx),
        }
        Ok(())
    }
}

/// When to tell a router that is not live yet.
const STARTING: Duration = Duration::from_millis(1);

/// Tells the router of changes, one message at a time however many there are: the next when it has caught up.
async fn follow(plugins: Arc<Registry>, router: Handle<RouterMsg>) {
    let mut versions = plugins.versions();
    loop {
        versions.mark_unchanged();
        while let Some(version) = plugins.unrouted() {
            match router.send(RouterMsg::Refresh) {
                Ok(()) => plugins.routed(version).await,
                Err(_starting) => tokio::time::sleep(STARTING).await,
            }
        }
        // Its sender is the registry's, which is held here.
        let _open = versions.changed().await;
    }
}

impl Router {
    /// Makes the directory anew, if it is behind.
    fn refresh(&mut self) {
        let registry = &self.env.registry;
        if let Some(version) = registry.unrouted() {
            let (routables, unloaded) = registry.routables();
            let directory = Directory::new(&self.env.rulebook, routables, registry.serving(), unloaded);
            self.env.directory.store(directory);
            registry.set_routed(version);
            self.ejections.refresh();
        }
    }

    fn forward(&mut self, attempt: Attempt) {
        if attempt.port.is_closed() {
            return;
        }
        let Attempt {
            job,
            excluded,
            prefer,
            first,
            patient,
            awaits_credits,
            mut held,
            mut port,
        } = attempt;
        let directory = self.env.directory.load();
        let (meters, sampled) = (self.env.meters.clone(), sampled());
        let (asked, now) = ((&*job.candidates, &job.call), self.env.clock.nanos());
        let mut offered = Offered::new(asked, &directory, &excluded, &mut self.ejections, now);
        if offered.panics {
            self.env.meters.panics.increment(1);
        }
        job.trace.write(|decision| decision.look(|index| offered.seen(index)));
        if awaits_credits && offered.awaits_credits() {
            let refusal = self.env.registry.explained(offered.refusal(), offered.only());
            port.answer(Ok(Grant::Short(refusal)));
            return;
        }
        let preferred = |name: Arc<str>| offered.set.instances.iter().position(|candidate| *candidate == name);
        // Who is asked again has had its wait; who is asked first for what it said before may still want none.
        // Who was ejected meanwhile is asked again only where no other can be.
        let spared = |index: &usize| {
            offered
                .instance(*index)
                .is_some_and(|instance| offered.is_spared(instance))
        };
        let wanted = |index: &usize| !spared(index) && (!first || offered.view(*index).limited_until == 0);
        let mut preferred = prefer.and_then(preferred).filter(wanted);
        let mut turn = if first { Turn::First } else { Turn::Later };
        loop {
            let mut scores = Scores::default();
            let choice = phase!(meters, sampled, "balance", {
                let again = preferred.take().inspect(|_| scores.by(Basis::Again));
                again.or_else(|| choose(&mut self.balancers, &self.env, &offered, turn, &mut scores))
            });
            job.trace.write(|decision| decision.scored(&scores));
            let Some(index) = choice else {
                // An answer of who answers badly is better than none.
                if std::mem::take(&mut offered.spares) {
                    continue;
                }
                break;
            };
            turn = Turn::Later;
            let guarded = phase!(meters, sampled, "guard", offered.guard(index, &mut held));
            let why = guarded.as_ref().err().copied().unwrap_or(Verdict::Declined);
            if let (Ok((permit, bulkhead, credits)), Some(instance)) = (guarded, offered.instance(index)) {
                // Before it is: the attempt may have ended when this returns. Of a second one beside it, its own task tells.
                if patient {
                    job.record().asked(&instance.spec.name);
                    job.trace.write(|decision| decision.asked(index));
                }
                let watch = self
                    .balancers
                    .watch(&self.env.lessons, &job.call, offered.set, index, instance);
                let guarded = GuardedAttempt {
                    watch,
                    permit,
                    bulkhead,
                    credits,
                    port,
                };
                match instance.provider.send(ProviderMsg::Attempt(guarded)) {
                    Ok(()) => return,
                    Err(Unavailable(ProviderMsg::Attempt(back))) => port = back.port,
                    Err(Unavailable(_)) => unreachable!("the message that comes back is the one that was sent"),
                }
            }
            job.trace.write(|decision| decision.declined(index, why));
            offered.declined.push(index);
        }
        if let Some(waits) = patient.then(|| offered.waits()).flatten() {
            port.answer(Ok(waits));
            return;
        }
        let refusal = self.env.registry.explained(offered.refusal(), offered.only());
        port.answer(match awaits_credits && offered.is_short() {
            true => Ok(Grant::Short(refusal)),
            false => Err(refusal),
        });
    }
}

/// Which choice for a call it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Its first attempt's first.
    First,
    /// The same, of a call that is not made.
    Looked,
    /// Any other.
    Later,
}

/// The candidate whose turn it is. Where there is but one, no balancer is asked.
fn choose(
    balancers: &mut Balancers,
    env: &RouterEnv,
    offered: &Offered<'_>,
    turn: Turn,
    scores: &mut Scores,
) -> Option<usize> {
    if let [_] = offered.set.instances[..] {
        return offered.instance(0).map(|_| 0);
    }
    let asked = Asked {
        call: offered.call,
        first: turn != Turn::Later,
        looked: turn == Turn::Looked,
        now: offered.now,
        chance: fastrand::u64(..),
    };
    let eligible = Eligible {
        set: offered.set,
        candidates: offered,
        funded: &|index| offered.is_funded(index),
    };
    balancers.choose(&env.rulebook.rules, &env.lessons, &asked, &eligible, scores)
}
