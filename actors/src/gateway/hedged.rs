//! One attempt, or two at once: where the first takes longer than nearly all of its answers did, another is asked the same.
//!
//! Invariant: only what is safe and free is asked twice; one answer comes of it, and the other attempt ends with that.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::attempt::{begin, run_one};
use super::env::TaskEnv;
use super::grant::{Wanted, grant};
use super::job::Job;
use super::tried::Tried;
use crate::decision::Why;
use crate::instance::{Granted, Instance};
use crate::port::Outcome;

/// Runs a call's first attempt, with a second beside it where that one is slow.
pub(super) async fn race(job: &Arc<Job>, env: &TaskEnv, tried: &mut Tried, granted: Granted) -> Outcome {
    let (here, began) = (granted.instance.clone(), Instant::now());
    let others = job.candidates.instances.len() > 1;
    let delay = here.hedge_after(&job.call, &env.settings.hedge).filter(|_| others);
    let mut first = pin!(run_one(
        job,
        env,
        (
            tried.attempts,
            tried.could_follow(job, env.settings.recover.max_attempts)
        ),
        granted,
        None
    ));
    let Some(delay) = delay else {
        return first.await;
    };
    if let Ok(outcome) = timeout(delay, &mut first).await {
        return outcome;
    }
    let granted = tokio::select! {
        biased;
        outcome = &mut first => return outcome,
        granted = second(job, env, tried, &here) => granted,
    };
    let Some(granted) = granted else {
        return first.await;
    };
    tried.attempts += 1;
    began_beside(job, tried.attempts, &granted.instance);
    let there = granted.instance.clone();
    let mut second = pin!(run_one(job, env, (tried.attempts, false), granted, None));
    let (failure, outcome) = tokio::select! {
        biased;
        outcome = &mut first => match outcome {
            Ok(answer) => {
                there.outrun();
                return Ok(answer);
            }
            Err(failure) => {
                tried.at = Some(there);
                (failure, second.await)
            }
        },
        outcome = &mut second => match outcome {
            Ok(answer) => {
                // How long it would have taken, nobody knows: so long at least.
                here.learn(&job.call.operation, began.elapsed(), &env.settings.hedge);
                here.meters.flow.hedges_won.increment(1);
                here.outrun();
                return Ok(answer);
            }
            Err(failure) => (failure, first.await),
        },
    };
    // One of the two has failed, and what came of the other is what came of the attempt.
    tried.note(&failure);
    tried.excluded.extend(failure.provider);
    outcome
}

/// The second begins: the router says of none that is not the call's own next attempt who is asked.
fn began_beside(job: &Job, number: u32, there: &Instance) {
    job.trace.write(|decision| decision.then(Why::Hedge, Duration::ZERO));
    begin(job, number);
    job.record().asked(&there.spec.name);
    let place = |name: &Arc<str>| *name == there.spec.name;
    if let Some(index) = job.candidates.instances.iter().position(place) {
        job.trace.write(|decision| decision.asked(index));
    }
}

/// Another instance, if one may be asked and is free.
async fn second(job: &Arc<Job>, env: &TaskEnv, tried: &Tried, here: &Arc<Instance>) -> Option<Granted> {
    if !here.may_hedge(&env.settings.recover, &env.settings.hedge) {
        return None;
    }
    let mut excluded = tried.excluded.clone();
    excluded.push(here.spec.name.clone());
    let wanted = Wanted {
        excluded,
        prefer: None,
        first: false,
        patient: false,
    };
    grant(job, env, wanted).await.ok()
}
