//! The router actor: balances, guards, forwards.
//!
//! Invariant: it handles an attempt in one turn, without waiting; "no candidate left" is its answer, too. The directory
//! that it publishes is the only list of instances.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::breaker::BreakerPermit;
use crate::bulkhead::BulkheadPermit;
use crate::call::Call;
use crate::clock::Clock;
use crate::directory::{Directory, Published, Rulebook};
use crate::error::{Failure, Kind};
use crate::gateway::job::Job;
use crate::instance::{Grant, GuardedAttempt, Instance, ProviderMsg};
use crate::messages::{Attempt, RouterMsg};
use crate::plugin::Registry;
use crate::policy::balance::{Asked, Balancer, CandidateView, Candidates};
use crate::policy::routing::CandidateSet;
use crate::supervision::{ChildSpec, Context, Fault, Handle, Unavailable, Worker};
use crate::telemetry::{Meters, phase, sampled};

/// What the router works with.
pub(crate) struct RouterEnv {
    pub(crate) clock: Clock,
    pub(crate) meters: Arc<Meters>,
    pub(crate) rulebook: Rulebook,
    pub(crate) registry: Arc<Registry>,
    pub(crate) directory: Arc<Published>,
}

struct Router {
    env: Arc<RouterEnv>,
    /// By the number of the rule that names it.
    balancers: HashMap<Option<usize>, Box<dyn Balancer>>,
    /// Tells it when the registry has changed.
    follower: Option<AbortOnDropHandle<()>>,
}

/// The child spec of the router actor.
pub(crate) fn router_spec(handle: &Handle<RouterMsg>, env: &Arc<RouterEnv>) -> ChildSpec {
    let env = env.clone();
    ChildSpec::worker("router", handle, move || {
        Ok(Router {
            env: env.clone(),
            balancers: HashMap::new(),
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
        Ok(())
    }

    async fn handle(&mut self, message: RouterMsg, _cx: &Context<RouterMsg>) -> Result<(), Fault> {
        match message {
            RouterMsg::Attempt(attempt) => self.forward(attempt),
            RouterMsg::Refresh => self.refresh(),
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

/// The candidates of one attempt, as a balancer looks at them.
struct Offered<'a> {
    set: &'a CandidateSet,
    directory: &'a Directory,
    excluded: &'a [Arc<str>],
    /// Candidates that could not be asked in this turn.
    declined: Vec<usize>,
    /// Those of them that had no place for it.
    crowded: Vec<usize>,
    /// The one of them whose turn comes next, if its provider's quota is to last, and when.
    paced: Option<(usize, Duration)>,
    now: u64,
}

impl Offered<'_> {
    /// The instance of a candidate, if this call may still ask it.
    fn instance(&self, index: usize) -> Option<&Arc<Instance>> {
        let name = self.set.instances.get(index)?;
        let instance = self.directory.serving(name)?;
        (!self.excluded.contains(name) && !self.declined.contains(&index)).then_some(instance)
    }
}

impl Candidates for Offered<'_> {
    fn len(&self) -> usize {
        self.set.instances.len()
    }

    fn place(&self, index: usize) -> usize {
        self.set.places[index]
    }

    fn view(&self, index: usize) -> CandidateView {
        match self.instance(index) {
            Some(instance) => instance.view(self.now),
            None => CandidateView::UNAVAILABLE,
        }
    }
}

/// Why candidates could not be asked.
#[derive(Default)]
struct Refusals {
    open: Option<Duration>,
    failing: bool,
    forced: bool,
    /// No place, or not its turn; and until when, at the soonest.
    full: Option<Duration>,
    /// Takes no calls, by order or on its way out.
    drained: bool,
}

impl Router {
    /// Makes the directory anew, if it is behind.
    fn refresh(&self) {
        let registry = &self.env.registry;
        if let Some(version) = registry.unrouted() {
            let (routables, unloaded) = registry.routables();
            let directory = Directory::new(&self.env.rulebook, routables, registry.serving(), unloaded);
            self.env.directory.store(directory);
            registry.set_routed(version);
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
            mut held,
            mut port,
        } = attempt;
        let directory = self.env.directory.load();
        let (meters, sampled) = (self.env.meters.clone(), sampled());
        let mut offered = Offered {
            set: &job.candidates,
            directory: &directory,
            excluded: &excluded,
            declined: Vec::new(),
            crowded: Vec::new(),
            paced: None,
            now: self.env.clock.nanos(),
        };
        let preferred = |name: Arc<str>| offered.set.instances.iter().position(|candidate| *candidate == name);
        // Who is asked again has had its wait; who is asked first for what it said before may still want none.
        let wanted = |index: &usize| !first || offered.view(*index).limited_until == 0;
        let mut preferred = prefer.and_then(preferred).filter(wanted);
        let mut turn = first;
        loop {
            let choice = phase!(meters, sampled, "balance", {
                preferred
                    .take()
                    .or_else(|| choose(&mut self.balancers, &self.env.rulebook, &job, &offered, turn))
            });
            let Some(index) = choice else { break };
            turn = false;
            let guarded = phase!(meters, sampled, "guard", offered.guard(index, &job.call, &mut held));
            if let (Some((permit, bulkhead)), Some(instance)) = (guarded, offered.instance(index)) {
                job.record().asked(&instance.spec.name);
                let guarded = GuardedAttempt { permit, bulkhead, port };
                match instance.provider.send(ProviderMsg::Attempt(guarded)) {
                    Ok(()) => return,
                    Err(Unavailable(ProviderMsg::Attempt(back))) => port = back.port,
                    Err(Unavailable(_)) => unreachable!("the message that comes back is the one that was sent"),
                }
            }
            offered.declined.push(index);
        }
        if let Some(waits) = patient.then(|| offered.waits()).flatten() {
            port.answer(Ok(waits));
            return;
        }
        let only = match &offered.set.instances[..] {
            [only] => Some(&**only),
            _ => None,
        };
        port.answer(Err(self.env.registry.explained(offered.refusal(), only)));
    }
}

/// The candidate whose turn it is. Where there is but one, no balancer is asked.
fn choose(
    balancers: &mut HashMap<Option<usize>, Box<dyn Balancer>>,
    rulebook: &Rulebook,
    job: &Job,
    offered: &Offered<'_>,
    turn: bool,
) -> Option<usize> {
    if let [_] = offered.set.instances[..] {
        return offered.instance(0).map(|_| 0);
    }
    let rule = offered.set.rule;
    let named = || rule.and_then(|rule| rulebook.rules.get(rule)).map(|rule| rule.balance);
    let balancer = balancers
        .entry(rule)
        .or_insert_with(|| named().unwrap_or_default().balancer());
    let asked = Asked {
        call: &job.call,
        first: turn,
        now: offered.now,
    };
    balancer.choose(&asked, offered)
}

impl Offered<'_> {
    /// The permits that an attempt at a candidate needs.
    fn guard(
        &mut self,
        index: usize,
        call: &Call,
        held: &mut Option<BulkheadPermit>,
    ) -> Option<(BreakerPermit, BulkheadPermit)> {
        let instance = self.instance(index)?.clone();
        if !instance.accepting() || !instance.breaker.lets_pass(self.now) {
            return None;
        }
        if let Some(wait) = instance.pace(call.attributes.priority, self.now) {
            if self.paced.is_none_or(|(_, soonest)| wait < soonest) {
                self.paced = Some((index, wait));
            }
            return None;
        }
        let permit = instance.breaker.permit(self.now).ok()?;
        let Some(mut place) = instance.acquire(call, held) else {
            self.crowded.push(index);
            return None;
        };
        place.paced = instance.goes(self.now);
        Some((permit, place))
    }

    /// What the call can wait for: a place where the fewest wait, or else its turn.
    fn waits(&self) -> Option<Grant> {
        let crowded = |index: &usize| {
            let instance = self.directory.serving(self.set.instances.get(*index)?)?;
            let left = !self.excluded.contains(&instance.spec.name);
            let full = !instance.has_room() || self.crowded.contains(index);
            let able = instance.accepting() && instance.has_queue() && instance.breaker.lets_pass(self.now);
            (left && full && able).then(|| instance.clone())
        };
        let all = 0..self.set.instances.len();
        let place = all.filter_map(|index| crowded(&index)).min_by_key(|one| one.waiting());
        place.map(Grant::Crowded).or_else(|| {
            let (index, wait) = self.paced?;
            let instance = self.directory.serving(&self.set.instances[index])?;
            Some(Grant::Paced(instance.clone(), wait))
        })
    }

    /// Why none of the candidates can be asked.
    fn refusal(&self) -> Failure {
        let mut refusals = Refusals::default();
        let left = self.set.instances.iter().enumerate();
        let left = left.filter(|(_, name)| !self.excluded.contains(name));
        let left = left.filter_map(|(index, name)| Some((index, self.directory.serving(name)?)));
        for (index, instance) in left {
            if !instance.accepting() {
                refusals.drained = true;
                continue;
            }
            match instance.breaker.wait(self.now) {
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
                None => {}
            }
        }
        if let Some((_, wait)) = self.paced {
            refusals.full = Some(refusals.full.map_or(wait, |known| known.min(wait)));
        }
        let failure = match &self.set.instances[..] {
            [one] => refusals.failure(one).by(one),
            _ => refusals.failure("every provider that could serve this"),
        };
        failure.never_sent()
    }
}

impl Refusals {
    /// `who` cannot be asked.
    fn failure(self, who: &str) -> Failure {
        if let Some(wait) = self.full {
            return Failure::new(Kind::Overloaded, format!("{who} is busy")).after(wait);
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
        let why = match self.drained {
            true => "is drained: it takes no calls",
            false => "is not running",
        };
        Failure::new(Kind::NoProvider, format!("{who} {why}")).after(Duration::from_secs(1))
    }
}
