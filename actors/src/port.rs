//! Reply ports: the obligation to answer, as a value.
//!
//! Invariant: no caller waits for a message that was lost with a mailbox: an attempt's port that is dropped unanswered
//! answers by itself, and so does a call's, once a task has it; before that, its loss tells the caller to send again.

use tokio::sync::oneshot;

use crate::call::Answer;
use crate::error::{Failure, Kind};

/// How a call or an attempt ends.
pub(crate) type Outcome = Result<Answer, Failure>;

/// Leads an attempt's grant, or its refusal, back to its call's task.
pub(crate) struct AttemptPort<G> {
    to: Option<oneshot::Sender<Result<G, Failure>>>,
}

impl<G> AttemptPort<G> {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<G, Failure>>) {
        let (to, from) = oneshot::channel();
        (AttemptPort { to: Some(to) }, from)
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.to.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Answers; only the first answer counts.
    pub(crate) fn answer(&mut self, answer: Result<G, Failure>) {
        if let Some(to) = self.to.take() {
            // A caller that went away needs no answer.
            let _gone = to.send(answer);
        }
    }
}

impl<G> Drop for AttemptPort<G> {
    fn drop(&mut self) {
        if self.to.is_some() {
            let failure = Failure::new(Kind::Internal, "an actor was restarted before it took this attempt");
            self.answer(Err(failure.never_sent()));
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
