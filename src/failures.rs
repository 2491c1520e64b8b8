//! Every error code of the product: its HTTP status, and what it means.
//!
//! Invariant: a code's status and meaning stand here and nowhere else; surfaces and the command line read them.

use std::borrow::Cow;

use http::StatusCode;
use mosaic_actors::error::{Failure, Kind};

use crate::dispatch::idempotency;

/// The outcome of a write that nobody knows of whether it was done.
pub const UNKNOWN: &str = "unknown";
const IN_DOUBT: &str = "whether it was done is unknown: look whether it was before you ask for it again, under another key \
                        if it had one, or once an operator has freed that (mosaic keys release)";

/// The sentence for people; it says of a write in doubt that it is.
pub fn detail(failure: &Failure) -> Cow<'_, str> {
    match failure.in_doubt {
        true => format!("{}; {IN_DOUBT}", failure.message()).into(),
        false => failure.message().into(),
    }
}

/// What can be wrong with a request as HTTP, before it is a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No route has this path.
    NoRoute,
    /// The path exists, with other methods.
    MethodNotAllowed,
    /// The answer has none of the forms that are accepted.
    NotAcceptable,
    /// The body is of another media type.
    UnsupportedMediaType,
    /// The body is over its limit.
    PayloadTooLarge,
    /// It is not a request that HTTP allows.
    BadRequest,
    /// The head is over its limits.
    HeadTooLarge,
}

impl Fault {
    /// Every fault, for documents and tests.
    pub const ALL: [Fault; 7] = [
        Fault::NoRoute,
        Fault::MethodNotAllowed,
        Fault::NotAcceptable,
        Fault::UnsupportedMediaType,
        Fault::PayloadTooLarge,
        Fault::BadRequest,
        Fault::HeadTooLarge,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Fault::NoRoute => "no_route",
            Fault::MethodNotAllowed => "method_not_allowed",
            Fault::NotAcceptable => "not_acceptable",
            Fault::UnsupportedMediaType => "unsupported_media_type",
            Fault::PayloadTooLarge => "payload_too_large",
            Fault::BadRequest => "bad_request",
            Fault::HeadTooLarge => "head_too_large",
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            Fault::NoRoute => StatusCode::NOT_FOUND,
            Fault::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Fault::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Fault::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Fault::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Fault::BadRequest => StatusCode::BAD_REQUEST,
            Fault::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }

    /// What it means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Fault::NoRoute => "No route has this path.",
            Fault::MethodNotAllowed => "The path exists with other methods; `Allow` lists them.",
            Fault::NotAcceptable => "The answer has none of the forms that `Accept` names.",
            Fault::UnsupportedMediaType => {
                "The body must be application/json, or where a file is taken the file itself; without a Content-Encoding."
            }
            Fault::PayloadTooLarge => "The body is over the listener's limit.",
            Fault::BadRequest => "The request is not one that HTTP allows.",
            Fault::HeadTooLarge => "The request's head is over the listener's limits.",
        }
    }
}

/// One error code, explained.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The stable code.
    pub code: &'static str,
    /// The HTTP status that it mostly has.
    pub status: StatusCode,
    /// Whether a retry can help.
    pub retryable: bool,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
}

/// Every code that a problem can have.
pub fn codes() -> impl Iterator<Item = Code> {
    let kinds = Kind::ALL.into_iter().map(|kind| Code {
        code: kind.code(),
        status: status_of(kind),
        retryable: kind.retryable(),
        meaning: meaning(kind),
    });
    let faults = Fault::ALL.into_iter().map(|fault| Code {
        code: fault.code(),
        status: fault.status(),
        retryable: false,
        meaning: fault.meaning(),
    });
    kinds.chain(faults)
}

/// The HTTP status of a failure.
pub fn status(failure: &Failure) -> StatusCode {
    if idempotency::is_mismatch(failure) {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    status_of(failure.kind)
}

/// The HTTP status of a kind of failure.
pub fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::InvalidInput => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        Kind::RateLimited | Kind::QuotaExceeded | Kind::UpstreamRateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::BudgetExhausted => StatusCode::PAYMENT_REQUIRED,
        Kind::Overloaded | Kind::CircuitOpen | Kind::NoProvider => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Network | Kind::UpstreamFailed | Kind::UpstreamAuth => StatusCode::BAD_GATEWAY,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        // Unregistered, but what proxies write into their logs for a client that left.
        Kind::Cancelled => StatusCode::from_u16(499).expect("between 100 and 999"),
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The kind that an HTTP status alone suggests: for codes that this program does not know, and for replies that no
/// gateway gave (a proxy in between).
pub const fn kind_of_status(status: u16) -> Kind {
    match status {
        401 => Kind::Unauthenticated,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        408 | 504 => Kind::Timeout,
        409 => Kind::Conflict,
        412 => Kind::PreconditionFailed,
        429 => Kind::RateLimited,
        503 => Kind::Overloaded,
        400..=499 => Kind::InvalidInput,
        _ => Kind::UpstreamFailed,
    }
}

/// What a kind of failure means.
pub const fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidInput => "The input is wrong; `field` names what. Correct it before you try again.",
        Kind::Unauthenticated => "No API key was given, or it is not known.",
        Kind::Forbidden => "The caller is known and may not do this.",
        Kind::NotFound => "The resource does not exist, or the caller may not know of it.",
        Kind::Conflict => {
            "The state of the resource forbids the change. With `field` idempotency_key: the same request is under way \
             (409, retryable), or the key was used for another request (422)."
        }
        Kind::PreconditionFailed => "A version or hash that the caller named does not hold any more. Read again.",
        Kind::Unsupported => {
            "No provider that may serve this can do this operation, take this field, or give a file so large."
        }
        Kind::RateLimited => "The caller asks faster than its rate; wait as Retry-After says.",
        Kind::QuotaExceeded => "A quota of the caller is used up.",
        Kind::BudgetExhausted => "The caller's money is spent.",
        Kind::Overloaded => "A bound of the gateway is reached; wait as Retry-After says.",
        Kind::CircuitOpen => "The providers that could serve this are failing, and are left alone for a while.",
        Kind::NoProvider => "No provider serves this resource now.",
        Kind::Network => "The other side could not be reached, or the connection broke.",
        Kind::Timeout => "The time that the caller gave, or the provider's share of it, is over.",
        Kind::UpstreamAuth => "The provider refused the gateway's credential. Tell whoever runs the gateway.",
        Kind::UpstreamRateLimited => "The provider's own rate limit refused the gateway.",
        Kind::UpstreamFailed => "The provider failed, or its answer cannot be understood.",
        Kind::Cancelled => "The caller went away, or the work was stopped.",
        Kind::Internal => "A fault of the gateway. The request id finds it in the logs.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_has_an_error_status_and_none_clash() {
        let all: Vec<_> = codes().collect();
        for code in &all {
            assert!(code.status.as_u16() >= 400, "{code:?}");
        }
        let names: HashSet<_> = all.iter().map(|code| code.code).collect();
        assert_eq!(names.len(), Kind::ALL.len() + Fault::ALL.len());
    }
}
