//! Reply ports: the obligation to answer, as a value.
//!
//! Invariant: no caller waits for a message that was lost with a mailbox: an attempt's port that is dropped unanswered
//! answers by itself, and so does a call's, once a task has it; before that, its loss tells the caller to send again.

use tokio::sync::oneshot;

use crate::call::Answer;
use crate::error::{Failure, Kind};

/// How a call or an attempt ends.
pub(crate) type Outcome = Result<Answer, Failure>;

/// Leads an attempt's outcome back to its call's task.
pub(crate) struct AttemptPort {
    to: Option<oneshot::Sender<Outcome>>,
    reached: bool,
}

impl AttemptPort {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Outcome>) {
        let (to, from) = oneshot::channel();
        (
            AttemptPort {
                to: Some(to),
                reached: false,
            },
            from,
        )
    }

    /// Nobody waits for the outcome any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.to.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Resolves when nobody waits any more.
    pub(crate) async fn closed(&mut self) {
        match &mut self.to {
            Some(to) => to.closed().await,
            None => std::future::pending().await,
        }
    }

    /// The attempt is in its provider's hands: if the port is lost now, the provider may have been reached.
    pub(crate) fn reached_provider(&mut self) {
        self.reached = true;
    }

    /// Answers; only the first answer counts.
    pub(crate) fn answer(&mut self, outcome: Outcome) {
        if let Some(to) = self.to.take() {
            // A caller that went away needs no answer.
            let _gone = to.send(outcome);
        }
    }
}

impl Drop for AttemptPort {
    fn drop(&mut self) {
        if self.to.is_some() {
            let failure = Failure::new(Kind::Internal, "an actor was restarted before it took this attempt");
            let failure = if self.reached { failure } else { failure.never_sent() };
            self.answer(Err(failure));
        }
    }
}

/// Leads a call's reply back to its caller.
pub(crate) struct ReplyPort {
    to: Option<oneshot::Sender<Outcome>>,
    taken: bool,
}

impl ReplyPort {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Outcome>) {
        let (to, from) = oneshot::channel();
        (
            ReplyPort {
                to: Some(to),
                taken: false,
            },
            from,
        )
    }

    /// Resolves when the caller has gone away.
    pub(crate) async fn closed(&mut self) {
        match &mut self.to {
            Some(to) => to.closed().await,
            None => std::future::pending().await,
        }
    }

    /// The call's task has it: from now on its loss is an answer, because a provider may have been reached.
    pub(crate) fn taken(&mut self) {
        self.taken = true;
    }

    pub(crate) fn answer(mut self, outcome: Outcome) {
        if let Some(to) = self.to.take() {
            let _gone = to.send(outcome);
        }
    }
}

impl Drop for ReplyPort {
    fn drop(&mut self) {
        if let Some(to) = self.to.take().filter(|_| self.taken) {
            let _gone = to.send(Err(Failure::new(Kind::Internal, "the call was lost in the gateway")));
        }
    }
}
