//! One attempt, or two at once: where the first takes longer than nearly all of its answers did, another is asked the same.
//!
//! Invariant: only what is safe and free is asked twice; one answer comes of it, and the other attempt ends with that.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::attempt::{begin, outrun, run_one};
use super::env::TaskEnv;
use super::grant::{Wanted, grant};
use super::job::Job;
use super::tried::Tried;
use crate::decision::Why;
use crate::feedback::Watch;
use crate::instance::{Granted, Instance};
use crate::policy::estimate::Class;
use crate::port::Outcome;

/// Runs a call's first attempt, with a second beside it where that one is slow.
pub(super) async fn race(job: &Arc<Job>, env: &TaskEnv, tried: &mut Tried, granted: Granted) -> Outcome {
    let number = tried.attempts;
    let could_follow = tried.could_follow(job, env.settings.recover.max_attempts);
    // It is an attempt of the call as any other.
    let others = job.candidates.instances.len() > 1 && number < env.settings.recover.max_attempts;
    let delay = granted.instance.hedge_after(&job.call, &env.settings.hedge);
    let Some(delay) = delay.filter(|_| others) else {
        return run_one(job, env, (number, could_follow), granted, None).await;
    };
    let here = Runner::of(number, &granted);
    let mut first = pin!(run_one(job, env, (number, could_follow), granted, None));
    if let Ok(outcome) = timeout(delay, &mut first).await {
        return outcome;
    }
    let granted = tokio::select! {
        biased;
        outcome = &mut first => return outcome,
        granted = second(job, env, tried, &here.instance) => granted,
    };
    let Some(granted) = granted else {
        return first.await;
    };
    tried.attempts += 1;
    began_beside(job, tried.attempts, &granted.instance);
    let there = Runner::of(tried.attempts, &granted);
    let mut second = pin!(run_one(job, env, (tried.attempts, false), granted, None));
    let (outcome, ended, other, rest) = tokio::select! {
        biased;
        outcome = &mut first => (outcome, here, there, second.as_mut()),
        outcome = &mut second => (outcome, there, here, first.as_mut()),
    };
    match outcome {
        Ok(answer) => {
            if ended.number != number {
                other.instance.meters.flow.hedges_won.increment(1);
            }
            other.outrun(job, env);
            Ok(answer)
        }
        Err(failure) if tried.is_final(job, &failure, env) => {
            other.outrun(job, env);
            tried.at = Some(ended.instance);
            tried.gave_one_up();
            Err(failure)
        }
        // What comes of the other is what came of the attempt.
        Err(failure) => {
            tried.note(&failure);
            tried.excluded.extend(failure.provider);
            tried.at = Some(other.instance);
            rest.await
        }
    }
}

/// One of the two, while it runs.
struct Runner {
    number: u32,
    instance: Arc<Instance>,
    began: Instant,
    /// Tells the balancer, should it be given up: its attempt's own ends with it, untold.
    watch: Option<Box<Watch>>,
}

impl Runner {
    fn of(number: u32, granted: &Granted) -> Self {
        Runner {
            number,
            instance: granted.instance.clone(),
            began: Instant::now(),
            watch: granted.watch.as_ref().map(|watch| watch.twin()),
        }
    }

    /// It is given up, because the other has the call's outcome. How long it would have taken, nobody knows: so long at least.
    fn outrun(self, job: &Job, env: &TaskEnv) {
        let (took, operation) = (self.began.elapsed(), &job.call.operation);
        if self.number == 1 {
            self.instance.learn(operation, took, &env.settings.hedge);
        }
        self.instance.outrun(Class::of(operation), took);
        if let Some(watch) = self.watch {
            watch.outrun(took);
        }
        outrun(job, self.number);
    }
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
    let (recover, hedge) = (&env.settings.recover, &env.settings.hedge);
    if !here.may_hedge(recover, hedge) {
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
    // Nothing is spent where nobody is free.
    let granted = grant(job, env, wanted).await.ok()?;
    here.hedges(recover, hedge).then_some(granted)
}
