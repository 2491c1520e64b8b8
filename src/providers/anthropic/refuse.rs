//! What Anthropic means when it fails, by status or within a stream.
//!
//! Invariant: an account without money is never asked again as if it were only busy; the caller is blamed only for what the
//! caller wrote.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};

use super::convert::FIELDS;
use crate::providers::ai::{bounded, over, saying};
use crate::providers::http::{Fault, Refusal, by_status, status, waits};

/// Of an account whose money is gone, or whose limit of spending is reached.
const SPENT_SENTENCES: &[&str] = &["credit balance", "usage limit", "spend limit", "spending limit"];
/// Of a conversation that is too long for its model.
const TOO_LONG: &[&str] = &["prompt is too long", "exceed context limit"];
/// Each limit has its own headers.
const LIMITS: &[&str] = &["requests", "tokens", "input-tokens", "output-tokens"];

/// The status that stands for a word: within a stream, there is no other.
const STATUSES: &[(&str, u16)] = &[
    ("invalid_request_error", 400),
    ("authentication_error", 401),
    ("billing_error", 402),
    ("permission_error", 403),
    ("not_found_error", 404),
    ("conflict_error", 409),
    ("request_too_large", 413),
    ("rate_limit_error", 429),
    ("api_error", 500),
    ("timeout_error", 504),
    ("overloaded_error", 529),
];

/// What an answer that is no success means.
pub fn refuse(refusal: &Refusal<'_>) -> Failure {
    let fault = refusal.fault();
    if let Some(over) = over(refusal, &fault) {
        return fault.coded(over);
    }
    let failure = match refusal.status.as_u16() {
        402 => spent(),
        400 | 403 | 429 if fault.tells(SPENT_SENTENCES) => spent(),
        429 => {
            let mut failure = by_status(refusal);
            failure.retry_after = failure.retry_after.or_else(|| refilled(refusal));
            failure
        }
        400 | 404 | 413 | 422 => blamed(by_status(refusal), &fault),
        // Refused before anything was made, as it alone says: any server in between may say 503, at any time.
        529 => by_status(refusal).never_billed(),
        _ => by_status(refusal),
    };
    saying(fault.coded(failure), refusal)
}

/// An error in what came as a success: its type alone tells what it is.
pub fn within(fault: &Fault) -> Failure {
    let failed = || Failure::new(Kind::UpstreamFailed, "the provider failed within its answer");
    let known = STATUSES.iter().find(|(word, _)| fault.says(&[word]));
    let failure = match known.map(|(_, status)| *status) {
        _ if fault.tells(SPENT_SENTENCES) => spent(),
        Some(402) => spent(),
        Some(429) => Failure::new(
            Kind::UpstreamRateLimited,
            "the provider's rate limit was reached within its answer",
        ),
        Some(code @ 400..=499) => {
            let failure = blamed(status(code), fault);
            match failure.kind {
                // Nothing says that it was the caller's doing.
                Kind::InvalidInput if failure.field.is_none() => failed().not_usable(),
                _ => failure,
            }
        }
        _ => failed(),
    };
    let mut failure = fault.coded(failure);
    // Of anything else, a part may have been made by then.
    failure.unbilled = failure.kind == Kind::UpstreamRateLimited;
    failure
}

/// The refusal of one request among many: its type stands for the status that it would have had.
pub fn refused(body: &[u8]) -> Failure {
    let fault = Fault::read(body);
    let known = STATUSES.iter().find(|(word, _)| fault.says(&[word]));
    let status = known.and_then(|(_, status)| StatusCode::from_u16(*status).ok());
    refuse(&Refusal {
        status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers: &HeaderMap::new(),
        body,
        sent: b"",
        method: &Method::POST,
        path: "",
        now: Timestamp::now(),
    })
}

/// The account has used up what it paid for. Waiting does not help.
fn spent() -> Failure {
    let sentence = "the account at the provider has no quota left";
    let mut failure = Failure::new(Kind::UpstreamRateLimited, sentence);
    failure.retryable = false;
    failure.never_billed()
}

/// When the limit that is used up is filled again; the longest where several are.
fn refilled(refusal: &Refusal<'_>) -> Option<Duration> {
    let header = |what: &str, word: &str| refusal.header(&format!("anthropic-ratelimit-{what}-{word}"));
    LIMITS
        .iter()
        .filter(|what| header(what, "remaining") == Some("0"))
        .filter_map(|what| waits::until_reset(header(what, "reset")?, refusal.now))
        .max()
}

/// The failure with the field that its sentence begins with, where the caller knows it.
fn blamed(mut failure: Failure, fault: &Fault) -> Failure {
    let named = FIELDS.iter().find(|(theirs, _)| fault.names(theirs) == Some(0));
    let long = fault.tells(TOO_LONG) || fault.says(&["request_too_large"]);
    let field = named.map(|(_, ours)| *ours).or(long.then_some("messages"));
    failure.field = field.map(Arc::from);
    // `max_tokens: 100000 > 8192, which is the maximum …`
    bounded(failure, fault.number_behind(&[" > "]))
}
