//! The router actor: balances, guards, forwards.
//!
//! Invariant: it handles an attempt in one turn, without waiting; "no candidate left" is its answer, too. The directory
//! that it publishes is the only list of instances.

mod ejection;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::balancers::{Balancers, Lessons};
use crate::breaker::BreakerPermit;
use crate::bulkhead::BulkheadPermit;
use crate::call::Call;
use crate::clock::Clock;
use crate::credits::CreditPermit;
use crate::decision::{Seen, seen};
use crate::directory::{Directory, Published, Rulebook};
use crate::error::{Failure, Kind};
use crate::instance::{Grant, GuardedAttempt, Instance, ProviderMsg};
use crate::messages::{Attempt, Look, RouterMsg};
use crate::plugin::Registry;
use crate::policy::balance::{Asked, CandidateView, Candidates, Scores};
use crate::policy::credits::Unfunded;
use crate::policy::outlier::OutlierSettings;
use crate::policy::routing::{CandidateSet, Eligible};
use crate::supervision::{ChildSpec, Context, Events, Fault, Handle, Unavailable, Worker};
use crate::telemetry::{Meters, phase, sampled};

use ejection::Ejections;

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

/// The candidates of one attempt, as a balancer looks at them.
struct Offered<'a> {
    set: &'a CandidateSet,
    directory: &'a Directory,
    excluded: &'a [Arc<str>],
    /// Candidates that could not be asked in this turn.
    declined: Vec<usize>,
    call: &'a Arc<Call>,
    /// Those that are ejected are not asked.
    spares: bool,
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

impl Offered<'_> {
    fn is_spared(&self, instance: &Instance) -> bool {
        self.spares && instance.is_ejected(self.now)
    }

    /// How a candidate stands, for the decision record.
    fn seen(&self, index: usize) -> Seen {
        let name = self.set.instances.get(index);
        let instance = name.and_then(|name| self.directory.serving(name));
        let excluded = name.is_some_and(|name| self.excluded.contains(name));
        let ejected = instance.is_some_and(|instance| self.is_spared(instance));
        seen(
            instance.map(|instance| &**instance),
            (excluded, ejected),
            self.call,
            self.now,
        )
    }
}

impl Candidates for Offered<'_> {
    fn len(&self) -> usize {
        self.set.instances.len()
    }

    fn place(&self, index: usize) -> usize {
        self.set.places[index]
    }

    fn identity(&self, index: usize) -> u64 {
        self.set.identities[index]
    }

    fn view(&self, index: usize) -> CandidateView {
        match self.instance(index) {
            Some(instance) if self.is_spared(instance) => CandidateView::UNAVAILABLE,
            Some(instance) => instance.view(self.call, self.now),
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
    /// Its credits are being leased.
    short: bool,
    /// It is to be asked on credits, and has none of its own.
    uncredited: bool,
    /// Until there are new credits.
    spent: Option<Duration>,
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
            call: &job.call,
            spares: self.ejections.spares(&job.candidates, &directory, &job.call),
            crowded: Vec::new(),
            paced: None,
            now: self.env.clock.nanos(),
        };
        job.trace.write(|decision| decision.look(|index| offered.seen(index)));
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
        let mut turn = first;
        loop {
            let mut scores = Scores::default();
            let choice = phase!(meters, sampled, "balance", {
                preferred
                    .take()
                    .or_else(|| choose(&mut self.balancers, &self.env, &offered, turn, &mut scores))
            });
            job.trace.write(|decision| decision.scored(&scores));
            let Some(index) = choice else {
                // An answer of who answers badly is better than none.
                if std::mem::take(&mut offered.spares) {
                    continue;
                }
                break;
            };
            turn = false;
            let guarded = phase!(meters, sampled, "guard", offered.guard(index, &mut held));
            if let (Some((permit, bulkhead, credits)), Some(instance)) = (guarded, offered.instance(index)) {
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
            job.trace.write(|decision| decision.declined(index));
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

    /// Writes down how a call's candidates stand and who would be asked first. No permit is taken and no turn spent.
    fn look(&mut self, look: Look) {
        let directory = self.env.directory.load();
        let offered = Offered {
            set: &look.candidates,
            directory: &directory,
            excluded: &[],
            declined: Vec::new(),
            call: &look.call,
            spares: self.ejections.spares(&look.candidates, &directory, &look.call),
            crowded: Vec::new(),
            paced: None,
            now: self.env.clock.nanos(),
        };
        let mut scores = Scores::default();
        let choice = choose(&mut self.balancers, &self.env, &offered, false, &mut scores);
        let choice = choice.filter(|index| offered.view(*index).available);
        look.trace.write(|decision| {
            decision.look(|index| offered.seen(index));
            decision.scored(&scores);
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
    balancers: &mut Balancers,
    env: &RouterEnv,
    offered: &Offered<'_>,
    turn: bool,
    scores: &mut Scores,
) -> Option<usize> {
    if let [_] = offered.set.instances[..] {
        return offered.instance(0).map(|_| 0);
    }
    let asked = Asked {
        call: offered.call,
        first: turn,
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

impl Offered<'_> {
    /// Whether a candidate has credits for a call. One that has none at all has none left.
    fn is_funded(&self, index: usize) -> bool {
        let gate = self.instance(index).and_then(|instance| instance.credits.as_ref());
        gate.is_some_and(|gate| gate.affords(self.call).is_ok())
    }

    /// The permits that an attempt at a candidate needs, and what it may spend.
    fn guard(
        &mut self,
        index: usize,
        held: &mut Option<BulkheadPermit>,
    ) -> Option<(BreakerPermit, BulkheadPermit, CreditPermit)> {
        let instance = self.instance(index)?.clone();
        if !instance.accepting() || instance.breaker.of(self.call).wait(self.now).is_some() {
            return None;
        }
        if let Some(wait) = instance.pace(self.call.attributes.priority, self.now) {
            if self.paced.is_none_or(|(_, soonest)| wait < soonest) {
                self.paced = Some((index, wait));
            }
            return None;
        }
        let permit = instance.breaker.permit(self.call, self.now).ok()?;
        let Some(mut place) = instance.acquire(self.call, held) else {
            self.crowded.push(index);
            return None;
        };
        let demanded = self.set.asks_credits(index);
        let credits = match &instance.credits {
            Some(gate) => gate.reserve(self.call, demanded).ok()?,
            None if demanded => return None,
            None => CreditPermit::default(),
        };
        place.paced = instance.goes(self.now);
        Some((permit, place, credits))
    }

    /// What the call can wait for: a place where the fewest wait, or else its turn.
    fn waits(&self) -> Option<Grant> {
        let crowded = |index: &usize| {
            let instance = self.directory.serving(self.set.instances.get(*index)?)?;
            let left = !self.excluded.contains(&instance.spec.name);
            let full = !instance.has_room() || self.crowded.contains(index);
            let open = instance.breaker.of(self.call).wait(self.now).is_some();
            let able = instance.accepting() && instance.has_queue() && !open;
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
