//! Runs that are asked about by what a trigger has answered as pending.
//!
//! Invariant: until its own id is known a run is told as one that waits for its turn, by the id that it was asked for with;
//! from then on by its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};

use super::wait::{Look, wait};
use crate::catalogue::cicd::{Run, RunGet, RunGetInput, RunStatus, RunWait, Triggered, Waited};
use crate::providers::{Reply, Request};

/// The word for where it stands, which no provider has.
const PENDING: &str = "pending";

/// The run that came of a trigger, or what stands for it until there is one: `native` is what the trigger answered.
pub fn run_of(reply: Reply<Triggered>, instance: &str, native: &str) -> Reply<Run> {
    let Reply {
        value,
        upstream_request_id,
        skipped,
    } = reply;
    Reply {
        value: value.run.unwrap_or_else(|| waiting(instance, native)),
        upstream_request_id,
        skipped,
    }
}

/// The failure of what is asked of a run that has no id of its own yet.
pub fn not_begun() -> Failure {
    let sentence = "the run has not begun and has no id of its own yet: wait for it by cicd.run.wait, or until cicd.run.get \
                    tells one";
    Failure::new(Kind::PreconditionFailed, sentence).never_sent()
}

fn waiting(instance: &str, native: &str) -> Run {
    let project = native.rsplit_once('#').map_or(native, |(project, _)| project);
    Run {
        id: Resource::neutral_id(instance, native),
        project: project.to_owned(),
        number: None,
        pipeline: None,
        attempt: None,
        status: RunStatus::Queued,
        raw_status: PENDING.to_owned(),
        title: None,
        event: None,
        branch: None,
        commit: None,
        author: None,
        steps: Vec::new(),
        waits_for: vec![],
        web_url: None,
        created_at: None,
        started_at: None,
        finished_at: None,
        raw: None,
    }
}

/// Waits until a run has ended, asking by `get`, which takes what a trigger has answered as pending for its run.
///
/// # Errors
/// As [`wait`].
pub async fn wait_for<F>(
    request: &Request<RunWait>,
    get: impl Fn(Request<RunGet>) -> F + Sync,
) -> Result<Reply<Waited>, Failure>
where
    F: Future<Output = Result<Reply<Run>, Failure>> + Send,
{
    let sought = Sought::by(&request.native);
    let look = || async {
        let reply = get(request.asking(&sought.now(), RunGetInput::default())).await?;
        sought.found(&reply.value);
        Ok(Look::of(reply))
    };
    wait(request, look).await
}

/// The id by which a run is looked for, look after look.
struct Sought(Mutex<Arc<str>>);

impl Sought {
    /// By the id that the caller has given.
    fn by(native: &Arc<str>) -> Self {
        Sought(Mutex::new(native.clone()))
    }

    /// The id to ask by.
    fn now(&self) -> Arc<str> {
        self.native().clone()
    }

    /// Asks by the id of what was found from now on.
    fn found(&self, run: &Run) {
        *self.native() = Resource::parse(&run.id).native().clone();
    }

    /// Held for one look; a panic elsewhere spoils no text.
    fn native(&self) -> MutexGuard<'_, Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::cicd::TriggerOutcome;

    #[test]
    fn what_is_pending_waits_under_its_id_until_its_run_is_known() {
        let pending = Reply::of(Triggered {
            outcome: TriggerOutcome::Pending,
            run: None,
            pending: Some("jobs~A/api#q7".to_owned()),
        });
        let run = run_of(pending, "jobs", "A/api#q7").value;
        assert_eq!(
            (&*run.id, &*run.project, run.status),
            ("jobs~A/api#q7", "A/api", RunStatus::Queued)
        );
        let sought = Sought::by(&Arc::from("A/api#q7"));
        sought.found(&run);
        assert_eq!(&*sought.now(), "A/api#q7");
        let begun = Run {
            id: "jobs~A/api#3".to_owned(),
            ..run
        };
        sought.found(&begun);
        assert_eq!(&*sought.now(), "A/api#3");
    }
}
