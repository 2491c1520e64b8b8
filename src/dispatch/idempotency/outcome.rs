//! What came of a keyed write: what of it is recorded, and how the record is told.
//!
//! Invariant: a failure that may hide a write is always recorded; one that surely does not is recorded only where asking
//! again would be answered the same.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use mosaic_actors::call::{Answer, Body, CacheStatus, Head, Operation};
use mosaic_actors::error::{Failure, Kind};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::failed::{may_be_billed, may_have_happened};
use super::super::internal;
use super::super::options::IDEMPOTENCY_KEY;
use super::store::Outcome;

/// The longest answer kept for replay, in bytes; of a longer one only that it came is kept.
pub const LONGEST_ANSWER: usize = 4 << 20;
/// When to ask again while the first request is still under way.
const IN_FLIGHT_RETRY: Duration = Duration::from_secs(1);

/// It was answered, and nothing says by whom: so records were kept before.
const ANSWERED: u16 = 200;
/// It was answered: the record's first line names who did, and behind it stands the answer.
const ANSWERED_BY: u16 = 201;
/// It was answered; the answer was too long to keep, or came when too many were to be kept.
const ANSWERED_AT_LENGTH: u16 = 204;
const FAILED: u16 = 500;
/// It failed, and whether it was done is unknown: an operator may free its key.
pub const IN_DOUBT: u16 = 504;

/// Whether this answer was replayed from the record of a keyed write: it took no attempt, and no cache had it.
pub fn replayed(head: &Head) -> bool {
    head.attempts == 0 && head.cache == CacheStatus::Bypass
}

/// Whether what a write failed with is what its key stands for from now on: it may have been done, or been paid for, or the
/// provider has judged the request itself, which no repetition changes. What nobody has done, and what stands in its way for
/// a while alone (a credential, a right, a rate, a quota, a circuit), leaves the key free.
pub(super) fn is_final(facts: &Operation, failure: &Failure) -> bool {
    let judged = matches!(
        failure.kind,
        Kind::InvalidInput | Kind::Unsupported | Kind::Conflict | Kind::PreconditionFailed
    );
    // One that says itself that it passes judges nothing.
    let judged = judged && !failure.retryable;
    !failure.unsent && (judged || may_have_happened(facts, failure) || may_be_billed(facts, failure))
}

/// The same outcome without an answer.
pub(super) fn short(outcome: &Outcome) -> Outcome {
    match outcome.status {
        ANSWERED | ANSWERED_BY => Outcome {
            status: ANSWERED_AT_LENGTH,
            content_type: outcome.content_type.clone(),
            body: Bytes::new(),
        },
        _ => outcome.clone(),
    }
}

pub(super) fn in_flight() -> Failure {
    let mut failure = Failure::new(Kind::Conflict, "a request with this idempotency key is under way");
    failure.field = Some(Arc::from(IDEMPOTENCY_KEY));
    failure.retryable = true;
    failure.after(IN_FLIGHT_RETRY).never_sent()
}

/// Final, for this key: only who looks at the provider can know whether the write is there.
pub(super) fn unknown() -> Failure {
    let mut failure = final_conflict("the first request with this idempotency key came to no known end");
    failure.in_doubt = true;
    failure
}

fn final_conflict(sentence: &str) -> Failure {
    let mut failure = Failure::new(Kind::Conflict, sentence);
    failure.field = Some(Arc::from(IDEMPOTENCY_KEY));
    failure.never_sent()
}

/// Surfaces know it by its sentence: a key whose outcome is unknown, or not kept, is another matter.
pub(super) fn mismatch() -> Failure {
    final_conflict(MISMATCH)
}

const MISMATCH: &str = "this idempotency key was used for another request";

/// Whether a failure is a key used for another request.
pub fn is_mismatch(failure: &Failure) -> bool {
    failure.kind == Kind::Conflict && failure.field.as_deref() == Some(IDEMPOTENCY_KEY) && failure.message() == MISMATCH
}

#[derive(Serialize, Deserialize)]
struct Recorded {
    kind: Kind,
    message: String,
    provider: Option<String>,
    field: Option<String>,
}

pub(super) fn recorded_answer(answer: &Answer) -> Outcome {
    let provider = &answer.head.provider;
    let (status, body) = match &answer.body {
        // The name counts: what is kept has a bound.
        Body::Bytes(body) if provider.len() + 1 + body.len() <= LONGEST_ANSWER => (ANSWERED_BY, signed(provider, body)),
        // Keyed operations do not stream; what cannot be kept is told as such.
        Body::Bytes(_) | Body::Stream(_) | Body::Raw(_) => (ANSWERED_AT_LENGTH, Bytes::new()),
    };
    Outcome {
        status,
        content_type: answer.head.content_type.to_owned(),
        body,
    }
}

/// An answer behind the name of who gave it, which has no line's end in it.
fn signed(provider: &str, body: &Bytes) -> Bytes {
    let mut record = BytesMut::with_capacity(provider.len() + 1 + body.len());
    record.put_slice(provider.as_bytes());
    record.put_u8(b'\n');
    record.put_slice(body);
    record.freeze()
}

/// Who answered, and what.
fn read(outcome: &Outcome) -> Result<(Arc<str>, Bytes), Failure> {
    if outcome.status == ANSWERED {
        return Ok((Arc::from(""), outcome.body.clone()));
    }
    let unread = || internal("the record of a keyed write cannot be read");
    let end = outcome.body.iter().position(|byte| *byte == b'\n').ok_or_else(unread)?;
    let provider = std::str::from_utf8(&outcome.body[..end]).map_err(|error| unread().because(error))?;
    Ok((Arc::from(provider), outcome.body.slice(end + 1..)))
}

pub(super) fn recorded_failure(failure: &Failure) -> Outcome {
    let recorded = json!(Recorded {
        kind: failure.kind,
        message: failure.message().to_owned(),
        provider: failure.provider.as_deref().map(str::to_owned),
        field: failure.field.as_deref().map(str::to_owned),
    });
    Outcome {
        status: if failure.in_doubt { IN_DOUBT } else { FAILED },
        content_type: "application/json".to_owned(),
        body: Bytes::from(recorded.to_string()),
    }
}

pub(super) fn replay(outcome: &Outcome) -> Result<Answer, Failure> {
    if outcome.status == ANSWERED_AT_LENGTH {
        return Err(final_conflict(
            "the first request with this idempotency key succeeded; its answer could not be kept, so only this is known",
        ));
    }
    if !matches!(outcome.status, ANSWERED | ANSWERED_BY) {
        let recorded: Recorded = serde_json::from_slice(&outcome.body)
            .map_err(|error| internal("the record of a keyed write cannot be read").because(error))?;
        let mut failure = Failure::new(recorded.kind, recorded.message);
        failure.retryable = false;
        failure.provider = recorded.provider.map(Arc::from);
        failure.field = recorded.field.map(Arc::from);
        failure.in_doubt = outcome.status == IN_DOUBT;
        failure.replayed = true;
        return Err(failure);
    }
    let (provider, body) = read(outcome)?;
    Ok(Answer {
        head: Head {
            attempts: 0,
            ..Head::json(provider)
        },
        body: Body::Bytes(body),
        value: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(outcome: &Outcome) -> (String, Bytes) {
        let answer = replay(outcome).expect("an answer");
        assert!(replayed(&answer.head));
        let Body::Bytes(body) = answer.body else {
            panic!("bytes")
        };
        (answer.head.provider.to_string(), body)
    }

    #[test]
    fn a_replay_names_who_answered_where_the_record_does() {
        let body = Bytes::from_static(b"{\n}");
        let answer = Answer {
            head: Head::json(Arc::from("forge-a")),
            body: Body::Bytes(body.clone()),
            value: None,
        };
        let mut outcome = recorded_answer(&answer);
        assert_eq!(told(&outcome), ("forge-a".to_owned(), body.clone()));
        let failure = replay(&short(&outcome)).expect_err("it is not kept");
        assert_eq!(failure.kind, Kind::Conflict);
        // What is just too long beside the name of who gave it is not kept, and never refused by the store.
        let most = LONGEST_ANSWER - "forge-a\n".len();
        for (length, kept) in [(most, true), (most + 1, false), (LONGEST_ANSWER, false)] {
            let answer = Answer {
                head: Head::json(Arc::from("forge-a")),
                body: Body::Bytes(vec![b' '; length].into()),
                value: None,
            };
            let outcome = recorded_answer(&answer);
            assert_eq!(outcome.status == ANSWERED_BY, kept, "{length}");
            assert!(outcome.body.len() <= LONGEST_ANSWER);
        }
        // As records were before.
        (outcome.status, outcome.body) = (ANSWERED, body.clone());
        assert_eq!(told(&outcome), (String::new(), body));
    }
}
