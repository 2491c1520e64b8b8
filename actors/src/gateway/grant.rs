//! The way to a provider's driver: a message to the router, and what a call waits for on that way.
//!
//! Invariant: it waits for no longer than an instance has anybody wait, and leaves half of the call's time to its attempt.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::pause;
use super::calls::CallStage;
use super::env::TaskEnv;
use super::job::Job;
use super::patience::send_patiently;
use crate::bulkhead::BulkheadPermit;
use crate::error::{Failure, Kind};
use crate::instance::{Grant, Granted, Instance};
use crate::messages::{Attempt, RouterMsg};
use crate::port::AttemptPort;

/// A call that was let through to a place and found it of no use is sent to the router again so often.
const ROUNDS: usize = 4;
/// How long to stay away from a router that is being restarted.
const AWAY: Duration = Duration::from_millis(100);

/// What is looked for.
pub(super) struct Wanted {
    /// Instances that failed this call.
    pub(super) excluded: Vec<Arc<str>>,
    /// The instance to ask again, if it may be asked.
    pub(super) prefer: Option<Arc<str>>,
    /// It is the call's first attempt, which takes a turn of the balancer.
    pub(super) first: bool,
    /// It may wait for a place, or for its turn.
    pub(super) patient: bool,
}

/// The right to run an attempt.
///
/// # Errors
/// Why no candidate can be asked.
pub(super) async fn grant(job: &Arc<Job>, env: &TaskEnv, mut wanted: Wanted) -> Result<Granted, Failure> {
    let mut held = None;
    let began = Instant::now();
    let patience = began + job.call.deadline.saturating_duration_since(began) / 2;
    let mut missed = Failure::new(Kind::Overloaded, "no provider is free")
        .after(AWAY)
        .never_sent();
    let limit = match wanted.patient {
        true => env.credits.stock(&job.call, &job.candidates, &wanted.excluded).await,
        false => began,
    };
    for _ in 0..ROUNDS {
        let instance = match asked(job, env, &mut wanted, held.take(), limit).await? {
            Grant::Run(granted) => return Ok(granted),
            Grant::Short(failure) => return Err(failure),
            Grant::Crowded(instance) => {
                held = Some(place(job, &instance, patience).await?);
                missed = busy(job, &instance, AWAY);
                instance
            }
            Grant::Paced(instance, wait) => {
                let patience = patience.min(began + instance.longest_pace());
                let alone = job.candidates.instances.len() == 1;
                missed = instance.comes_too_late(&job.call, alone, wait, env.clock.nanos());
                if Instant::now() + wait > patience {
                    return Err(missed);
                }
                pause(job, wait).await;
                instance
            }
        };
        wanted.prefer = Some(instance.spec.name.clone());
        wanted.first = false;
    }
    // What it waited for went to others each time.
    Err(missed)
}

/// What the router says. Where somebody can be asked once credits are leased, it is asked again when they have come, and no
/// later than at `limit`.
async fn asked(
    job: &Arc<Job>,
    env: &TaskEnv,
    wanted: &mut Wanted,
    mut held: Option<BulkheadPermit>,
    limit: Instant,
) -> Result<Grant, Failure> {
    let mut may_wait = wanted.patient;
    loop {
        let granted = ask(job, env, wanted, (held.take(), may_wait)).await?;
        if !may_wait || !matches!(granted, Grant::Short(_)) {
            return Ok(granted);
        }
        let (call, set) = (&job.call, &job.candidates);
        let come = env.credits.leased(call, set, &wanted.excluded, limit).await;
        // What came may be gone again, as others wait for it, too; and where nothing will come, the router asks whoever else
        // may be asked, or says why.
        may_wait = come && Instant::now() < limit;
        wanted.first = false;
    }
}

/// Asks the router, with the place that was waited for; and whether it may be told to wait for credits.
async fn ask(
    job: &Arc<Job>,
    env: &TaskEnv,
    wanted: &Wanted,
    (held, awaits_credits): (Option<BulkheadPermit>, bool),
) -> Result<Grant, Failure> {
    let (port, granted) = AttemptPort::new();
    let attempt = Attempt {
        job: job.clone(),
        excluded: wanted.excluded.clone(),
        prefer: wanted.prefer.clone(),
        first: wanted.first,
        patient: wanted.patient,
        awaits_credits,
        held,
        port,
    };
    let message = RouterMsg::Attempt(attempt);
    if send_patiently(&env.router, message, job.call.deadline).await.is_err() {
        let failure = Failure::new(Kind::Overloaded, "the router is being restarted");
        return Err(failure.after(AWAY).never_sent());
    }
    granted
        .await
        .unwrap_or_else(|_| Err(Failure::new(Kind::Internal, "the attempt vanished").never_sent()))
}

/// Waits for a place at an instance that has none free.
async fn place(job: &Job, instance: &Arc<Instance>, patience: Instant) -> Result<BulkheadPermit, Failure> {
    let began = Instant::now();
    job.record().now(CallStage::Wait);
    let place = instance.place(&job.call, patience).await;
    job.record().waits(began.elapsed());
    job.record().now(CallStage::Call);
    place.map_err(|wait| busy(job, instance, wait))
}

/// There is no place, and the caller is told for how long to stay away.
fn busy(job: &Job, instance: &Instance, wait: Duration) -> Failure {
    let name = &instance.spec.name;
    let failure = match job.candidates.instances[..] {
        [_] => Failure::new(Kind::Overloaded, format!("{name} is busy")).by(name),
        _ => Failure::new(
            Kind::Overloaded,
            format!("no provider that could serve this is free, and {name} is busy"),
        ),
    };
    failure.after(wait).never_sent()
}
