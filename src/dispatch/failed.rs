//! What a call's failure means: whether it may have happened, may be paid for, and who may have been meant.
//!
//! Invariant: whoever may have done something twice is not told that trying again can help.

use std::sync::Arc;

use mosaic_actors::call::{Answer, Call, Operation};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::routing::UNKNOWN;
use mosaic_actors::stream::Upload;

use super::Calls;
use crate::wording::nearest;

/// Makes a call, and tells of its failure what the operation, and its file, say of that.
pub(super) async fn ask(calls: &dyn Calls, call: Call) -> Result<Answer, Failure> {
    let (operation, upload) = (call.operation, call.upload.clone());
    let asked_for = call.provider.clone().or_else(|| call.resource.instance().cloned());
    let named = asked_for.map(|name| (name, call.caller.clone()));
    calls.call(call).await.map_err(|failure| {
        let mut failure = match named {
            Some((name, caller)) if is_unknown(&failure) => {
                with_nearest(failure, &name, &calls.instances(operation, &caller))
            }
            _ => failure,
        };
        let mut in_doubt = may_have_happened(&operation, &failure);
        if in_doubt && lacked_its_end(upload.as_deref(), &failure) {
            in_doubt = false;
            failure = failure.also("the provider was not sent the end of the file, so it was not done");
        }
        failure.retryable &= !in_doubt;
        failure.in_doubt |= in_doubt;
        failure
    })
}

/// The refusal of an instance that nobody knows, with the one that may be meant.
fn with_nearest(failure: Failure, name: &str, names: &[Arc<str>]) -> Failure {
    match nearest(name, names.iter().map(|name| &**name)) {
        Some(meant) => failure.also(&format!("did you mean {meant}?")),
        None => failure,
    }
}

/// Whether a failed write may yet have been carried out, and would be a second one if it were repeated. A caller must
/// not be told that trying again can help.
pub(super) fn may_have_happened(facts: &Operation, failure: &Failure) -> bool {
    !facts.safe && !facts.idempotent && !failure.unsent && failure.kind.leaves_in_doubt()
}

/// Whether a call that names an instance was refused because nobody knows that.
pub(super) fn is_unknown(failure: &Failure) -> bool {
    failure.unsent
        && matches!(failure.kind, Kind::InvalidInput | Kind::NotFound)
        && failure.message().starts_with(UNKNOWN)
}

/// Whether nobody has answered, and nobody has had the whole file, nor will: what is done with a file is done with all of
/// it. An answer before its end may tell that something was done, and one may be lost with a connection that breaks.
pub(super) fn lacked_its_end(upload: Option<&Upload>, failure: &Failure) -> bool {
    let unanswered = matches!(failure.kind, Kind::Timeout | Kind::Cancelled);
    unanswered && upload.is_some_and(Upload::cut)
}

/// Whether a failed call may have been paid for, and would be a second time if it were repeated.
pub(super) fn may_be_billed(facts: &Operation, failure: &Failure) -> bool {
    facts.paid && !failure.unsent && !failure.unbilled && failure.kind.leaves_in_doubt()
}
