//! What each error code means, and what to do about it.
//!
//! Invariant: the hint under an error and `mosaic explain` say the same, because both read this table.

use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use super::exit;

/// An error code for people.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    /// The status of the HTTP reply.
    pub http_status: u16,
    /// What happened.
    pub meaning: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// Explains `kind`.
pub const fn of(kind: Kind) -> Explanation {
    let (http_status, meaning, advice) = match kind {
        Kind::InvalidInput => (
            400,
            "The input is wrong.",
            "Correct the field that the error names; `--help` lists the fields.",
        ),
        Kind::Unauthenticated => (
            401,
            "The gateway does not know who is calling.",
            "Give a valid key with --key-file or MOSAIC_API_KEY.",
        ),
        Kind::Forbidden => (
            403,
            "The caller is known and may not do this.",
            "Use another key, or ask who runs the gateway for the permission.",
        ),
        Kind::NotFound => (
            404,
            "The resource does not exist, or is hidden from this caller.",
            "Check its name, and whether the provider's credential may see it.",
        ),
        Kind::Conflict => (
            409,
            "The state of the resource forbids the change.",
            "Read the resource again and decide anew.",
        ),
        Kind::PreconditionFailed => (
            412,
            "A version or hash that the call named does not hold any more.",
            "Read the resource again and repeat with its present version.",
        ),
        Kind::Unsupported => (
            501,
            "No candidate can do this operation, or not with this field.",
            "Leave the field out, or choose another provider with --provider.",
        ),
        Kind::RateLimited => (
            429,
            "The tenant calls faster than its rate.",
            "Wait as long as the error says, and call more slowly.",
        ),
        Kind::QuotaExceeded => (
            429,
            "The tenant has used up a quota.",
            "Wait for the next period, or ask for a higher quota.",
        ),
        Kind::BudgetExhausted => (
            402,
            "The tenant has spent its money.",
            "Ask who runs the gateway for a higher budget.",
        ),
        Kind::Overloaded => (
            503,
            "A bound of the gateway is reached.",
            "Try again after the time that the error names.",
        ),
        Kind::CircuitOpen => (
            503,
            "Every candidate has failed too often lately and is being left alone.",
            "Try again later; `mosaic status` shows the circuit breakers.",
        ),
        Kind::NoProvider => (
            503,
            "No instance serves this resource now.",
            "Check the routing rules and `mosaic status`, or choose one with --provider.",
        ),
        Kind::Network => (
            502,
            "The other side could not be reached, or the connection broke.",
            "Check the address and the network, then try again.",
        ),
        Kind::Timeout => (
            504,
            "The deadline passed before there was an answer.",
            "Try again, or give it longer with --timeout.",
        ),
        Kind::UpstreamAuth => (
            502,
            "The provider refused the gateway's credential.",
            "Who runs the gateway must renew the credential of this provider.",
        ),
        Kind::UpstreamRateLimited => (
            429,
            "The provider's own rate limit refused the call.",
            "Wait as long as the error says, or choose another provider.",
        ),
        Kind::UpstreamFailed => (
            502,
            "The provider failed, or answered what cannot be understood.",
            "Try again later, or choose another provider with --provider.",
        ),
        Kind::Cancelled => (
            499,
            "The call was stopped before it ended.",
            "Call again if the answer is still wanted; check first whether a change was made.",
        ),
        Kind::Internal => (
            500,
            "A fault of the gateway itself.",
            "Report it with the request id; `mosaic tree` shows what crashed.",
        ),
    };
    Explanation {
        http_status,
        meaning,
        advice,
    }
}

/// The kind with this stable code.
pub fn kind(code: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.code() == code)
}

/// The kind that an HTTP status alone suggests, for replies that did not come from a gateway (a proxy in between).
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

/// What `mosaic explain` shows.
pub fn document(kind: Kind) -> Value {
    let explanation = of(kind);
    json!({
        "code": kind.code(),
        "meaning": explanation.meaning,
        "advice": explanation.advice,
        "http_status": explanation.http_status,
        "exit_code": exit::code(kind),
        "retryable": kind.retryable(),
        "source": kind.default_source(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_again() {
        for known in Kind::ALL {
            assert_eq!(kind(known.code()), Some(known));
        }
        assert_eq!(kind("no_such_code"), None);
    }

    #[test]
    fn a_status_alone_still_gives_a_telling_exit_code() {
        assert_eq!(exit::code(kind_of_status(404)), 3);
        assert_eq!(exit::code(kind_of_status(403)), 4);
        assert_eq!(exit::code(kind_of_status(502)), 69);
        assert_eq!(exit::code(kind_of_status(504)), 75);
    }
}
