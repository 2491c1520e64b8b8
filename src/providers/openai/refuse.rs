//! What OpenAI and compatible servers mean when they fail, by status or within a success.
//!
//! Invariant: an account without money is never asked again as if it were only busy; the caller is blamed only for what the
//! caller wrote, and the driver only for what it sent.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind, Source};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::asked::ChatRequest;
use super::convert;
use crate::providers::ai::{bounded, over, saying};
use crate::providers::http::{Fault, Refusal, Refused, by_status, status, waits};

/// A server that cannot begin: it loads its model (llama.cpp), or has no room.
const UNREADY: &[&str] = &["unavailable_error", "overloaded_error"];
const SPENT: &[&str] = &[
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "insufficient_credits",
    "insufficient_funds",
];
/// Of servers that have no code for it.
const SPENT_SENTENCES: &[&str] = &[
    "insufficient balance",
    "insufficient credit",
    "credit balance is too low",
];
const BUSY: &[&str] = &[
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limit_reached",
    "rate_limited",
    "too_many_requests",
    "resource_exhausted",
];
const CREDENTIAL: &[&str] = &["invalid_api_key", "authentication_error", "unauthenticated"];
const FILTERED: &[&str] = &["content_filter", "content_policy_violation"];
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size_error",
    "string_above_max_length",
];
/// What was said cannot be answered, or a picture in it cannot be read.
const UNANSWERABLE: &[&str] = &[
    "invalid_prompt",
    "bio_policy",
    "invalid_image",
    "invalid_image_format",
    "invalid_base64_image",
    "invalid_image_url",
    "image_too_large",
    "image_too_small",
    "image_parse_error",
    "image_content_policy_violation",
    "invalid_image_mode",
    "image_file_too_large",
    "unsupported_image_media_type",
    "empty_image_file",
    "failed_to_download_image",
    "image_file_not_found",
];
const NO_MODEL: &[&str] = &["model_not_found", "model_not_available"];
/// A parameter that the driver adds, or chose the name of.
struct Ours {
    name: &'static str,
    /// What keeps it back.
    remedy: &'static str,
    /// It holds something of the caller's, so that only its name is ours.
    holds: bool,
}

const fn ours(name: &'static str, remedy: &'static str, holds: bool) -> Ours {
    Ours { name, remedy, holds }
}

const OURS: &[Ours] = &[
    ours("stream_options", "set settings.stream_options = false", false),
    ours("stream", "use ai.chat.complete", false),
    ours(
        "max_completion_tokens",
        "set settings.token_limit = \"max_tokens\"",
        true,
    ),
    ours(
        "max_tokens",
        "set settings.token_limit = \"max_completion_tokens\"",
        true,
    ),
];

/// Which of these parameters a request had.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Sent {
    stream: Option<IgnoredAny>,
    stream_options: Option<IgnoredAny>,
    max_completion_tokens: Option<IgnoredAny>,
    max_tokens: Option<IgnoredAny>,
}

impl Sent {
    /// That of a request which has but this one of them.
    pub fn streaming(stream: Option<bool>) -> Self {
        Sent {
            stream: stream.map(|_| IgnoredAny),
            ..Sent::default()
        }
    }

    fn has(self, name: &str) -> bool {
        let sent = match name {
            "stream" => self.stream,
            "stream_options" => self.stream_options,
            "max_completion_tokens" => self.max_completion_tokens,
            "max_tokens" => self.max_tokens,
            _ => None,
        };
        sent.is_some()
    }
}

impl From<&ChatRequest<'_>> for Sent {
    fn from(request: &ChatRequest<'_>) -> Self {
        Sent {
            stream: request.stream.map(|_| IgnoredAny),
            stream_options: request.stream_options.as_ref().map(|_| IgnoredAny),
            max_completion_tokens: request.max_completion_tokens.map(|_| IgnoredAny),
            max_tokens: request.max_tokens.map(|_| IgnoredAny),
        }
    }
}

/// What an answer that is no success means.
pub fn refuse(refusal: &Refusal<'_>) -> Failure {
    let fault = refusal.fault();
    if let Some(over) = over(refusal, &fault) {
        return fault.coded(over);
    }
    let failure = match refusal.status.as_u16() {
        402 => spent(),
        400 | 403 | 429 if is_spent(&fault) => spent(),
        429 => {
            let mut failure = by_status(refusal);
            failure.retry_after = failure.retry_after.or_else(|| refilled(refusal));
            failure
        }
        400 | 404 | 422 => read(
            blamed(by_status(refusal), &fault, refusal.sent().unwrap_or_default()),
            &fault,
            refusal.path,
        ),
        // The server's own word that it is full, or loads the model: nothing was made. A bare 503 may be anybody's in between.
        529 => by_status(refusal).never_billed(),
        503 if fault.says(UNREADY) => by_status(refusal).never_billed(),
        _ => by_status(refusal),
    };
    saying(fault.coded(failure), refusal)
}

/// An error in what came as a success: there is no status any more, so its own words decide.
pub fn within(fault: &Fault, sent: Sent) -> Failure {
    let failed = || Failure::new(Kind::UpstreamFailed, "the provider failed within its answer");
    let failure = if is_spent(fault) {
        spent()
    } else if fault.says(BUSY) {
        Failure::new(
            Kind::UpstreamRateLimited,
            "the provider's rate limit was reached within its answer",
        )
    } else if fault.says(CREDENTIAL) {
        status(401)
    } else {
        match fault.status() {
            Some(402) => spent(),
            Some(code @ (400..=499)) => {
                let failure = blamed(status(code), fault, sent);
                match failure.kind {
                    // Nothing says that it was the caller's doing.
                    Kind::InvalidInput if failure.field.is_none() => failed().not_usable(),
                    _ => failure,
                }
            }
            _ => {
                let refused = |kind| Failure::new(kind, "the provider refused it within its answer");
                match meant(fault) {
                    Some((kind, field)) => on_field(refused(kind), field),
                    None if named(fault, sent).is_some() => blamed(refused(Kind::InvalidInput), fault, sent),
                    None => failed(),
                }
            }
        }
    };
    let mut failure = fault.coded(failure);
    // Of anything else, a part may have been made by then.
    failure.unbilled = failure.kind == Kind::UpstreamRateLimited;
    failure
}

/// What is asked to be read has one name at the provider, and here one for each thing that is done with it.
fn read(failure: Failure, fault: &Fault, path: &str) -> Failure {
    let param = fault.param.as_deref().unwrap_or_default();
    if failure.field.is_some() || param.split(['[', '.']).next() != Some("input") {
        return failure;
    }
    let field = match path.rsplit('/').next() {
        Some("embeddings" | "moderations") => "texts",
        _ => "messages",
    };
    on_field(failure, field)
}

fn is_spent(fault: &Fault) -> bool {
    fault.says(SPENT) || fault.tells(SPENT_SENTENCES)
}

/// The account has used up what it paid for. Waiting does not help.
fn spent() -> Failure {
    let mut failure = Failure::new(
        Kind::UpstreamRateLimited,
        "the account at the provider has no quota left",
    );
    failure.retryable = false;
    failure.never_billed()
}

/// When the limit that is used up is filled again; the longest where several are.
fn refilled(refusal: &Refusal<'_>) -> Option<Duration> {
    ["requests", "tokens"]
        .into_iter()
        .filter(|what| refusal.header(&format!("x-ratelimit-remaining-{what}")) == Some("0"))
        .filter_map(|what| waits::until_reset(refusal.header(&format!("x-ratelimit-reset-{what}"))?, refusal.now))
        .max()
}

/// What the words of a fault mean, and of which field of the caller.
fn meant(fault: &Fault) -> Option<(Kind, &'static str)> {
    if fault.says(NO_MODEL) {
        Some((Kind::NotFound, "model"))
    } else if fault.says(TOO_LONG) || fault.says(FILTERED) || fault.says(UNANSWERABLE) {
        Some((Kind::InvalidInput, "messages"))
    } else {
        None
    }
}

/// The failure with the field that the provider blames, where the caller knows it; it is not the caller's where the
/// parameter at fault is ours.
fn blamed(failure: Failure, fault: &Fault, sent: Sent) -> Failure {
    if let Some((_, field)) = meant(fault) {
        return on_field(failure, field);
    }
    let named = named(fault, sent);
    if let Some(Ours { name, remedy, holds }) = named
        && (!holds || fault.refuses() == Some(Refused::Parameter))
    {
        let mut failure = failure.saying(format!("the provider does not take {name}: {remedy}"));
        (failure.kind, failure.source, failure.retryable) = (Kind::Unsupported, Source::Provider, false);
        return failure;
    }
    let param = named.map(|ours| ours.name).or(fault.param.as_deref());
    match param.and_then(convert::neutral_field) {
        // `max_tokens is too large: 100000. This model supports at most 16384 completion tokens, …`
        Some(field) => bounded(
            on_field(failure, field),
            fault.number_behind(&["supports at most ", " > "]),
        ),
        None => failure,
    }
}

/// The parameter at fault, where its name is ours and it was sent. Many servers name it in their sentence alone.
fn named(fault: &Fault, sent: Sent) -> Option<&'static Ours> {
    let mut ours = OURS.iter().filter(|ours| sent.has(ours.name));
    match fault.param.as_deref() {
        Some(param) => {
            // `stream_options.include_usage`
            let name = param.split(['[', '.']).next().unwrap_or_default();
            ours.find(|ours| ours.name == name)
        }
        None => {
            fault.refuses()?;
            ours.filter_map(|ours| Some((fault.names(ours.name)?, ours)))
                .min_by_key(|(at, _)| *at)
                .map(|(_, ours)| ours)
        }
    }
}

fn on_field(mut failure: Failure, field: &str) -> Failure {
    failure.field = Some(Arc::from(field));
    failure
}
