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
use crate::decision::{Seen, seen};
use crate::directory::{Directory, Published, Rulebook};
use crate::error::{Failure, Kind};
use crate::instance::{GuardedAttempt, Instance, ProviderMsg};
use crate::messages::{Attempt, Look, RouterMsg};
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
            RouterMsg::Look(look) => self.look(look),
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

impl Offered<'_> {
    /// How a candidate stands, for the decision record.
    fn seen(&self, index: usize) -> Seen {
        let name = self.set.instances.get(index);
        let instance = name.and_then(|name| self.directory.serving(name));
        let excluded = name.is_some_and(|name| self.excluded.contains(name));
        seen(instance.map(|instance| &**instance), excluded, self.now)
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
    full: bool,
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
            mut port,
        } = attempt;
        let directory = self.env.directory.load();
        let (meters, sampled) = (self.env.meters.clone(), sampled());
        let mut offered = Offered {
            set: &job.candidates,
            directory: &directory,
            excluded: &excluded,
            declined: Vec::new(),
            now: self.env.clock.nanos(),
        };
        job.trace.write(|decision| decision.look(|index| offered.seen(index)));
        let preferred = |name: Arc<str>| offered.set.instances.iter().position(|candidate| *candidate == name);
        // Who is asked again has had its wait; who is asked first for what it said before may still want none.
        let wanted = |index: &usize| !first || offered.view(*index).limited_until == 0;
        let mut preferred = prefer.and_then(preferred).filter(wanted);
        let mut turn = first;
        loop {
            let choice = phase!(meters, sampled, "balance", {
                preferred
                    .take()
                    .or_else(|| choose(&mut self.balancers, &self.env.rulebook, &job.call, &offered, turn))
            });
            let Some(index) = choice else { break };
            turn = false;
            if let Some(instance) = offered.instance(index)
                && let Some((permit, bulkhead)) = phase!(meters, sampled, "guard", guard(instance, offered.now))
            {
                job.record().asked(&instance.spec.name);
                // Before it is: the attempt may have ended when this returns.
                job.trace.write(|decision| decision.asked(index));
                let guarded = GuardedAttempt { permit, bulkhead, port };
                match instance.provider.send(ProviderMsg::Attempt(guarded)) {
                    Ok(()) => return,
                    Err(Unavailable(ProviderMsg::Attempt(back))) => port = back.port,
                    Err(Unavailable(_)) => unreachable!("the message that comes back is the one that was sent"),
                }
            }
            job.trace.write(|decision| decision.declined(index));
            offered.declined.push(index);
        }
        let only = match &offered.set.instances[..] {
            [only] => Some(&**only),
            _ => None,
        };
        port.answer(Err(self.env.registry.explained(offered.refusal(), only)));
    }

    /// Writes down how a call's candidates stand and who would be asked first. No permit is taken and no turn spent.
    fn look(&mut self, look: Look) {
        let directory = self.env.directory.load();
        let offered = Offered {
            set: &look.candidates,
            directory: &directory,
            excluded: &[],
            declined: Vec::new(),
            now: self.env.clock.nanos(),
        };
        let choice = choose(&mut self.balancers, &self.env.rulebook, &look.call, &offered, false);
        let choice = choice.filter(|index| offered.view(*index).available);
        look.trace.write(|decision| {
            decision.look(|index| offered.seen(index));
            if let Some(index) = choice {
                decision.would_ask(index);
            }
        });
        let refused = choice.is_none().then(|| offered.refusal().kind);
        // Who went away needs no word.
        let _gone = look.done.send(refused);
    }
}

/// The candidate whose turn it is. Where there is but one, no balancer is asked.
fn choose(
    balancers: &mut HashMap<Option<usize>, Box<dyn Balancer>>,
    rulebook: &Rulebook,
    call: &Call,
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
        call,
        first: turn,
        now: offered.now,
    };
    balancer.choose(&asked, offered)
}

/// The permits that an attempt at an instance needs.
fn guard(instance: &Instance, now: u64) -> Option<(BreakerPermit, BulkheadPermit)> {
    let permit = instance.accepting().then(|| instance.breaker.permit(now).ok())??;
    Some((permit, instance.acquire()?))
}

impl Offered<'_> {
    /// Why none of the candidates can be asked.
    fn refusal(&self) -> Failure {
        let mut refusals = Refusals::default();
        let left = self.set.instances.iter().filter(|name| !self.excluded.contains(name));
        let left = left.filter_map(|name| self.directory.serving(name));
        for instance in left {
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
                None => refusals.full |= !instance.has_room(),
            }
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
        if self.full {
            return Failure::new(Kind::Overloaded, format!("{who} is busy")).after(Duration::from_millis(100));
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
