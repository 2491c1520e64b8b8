//! What can be made to go wrong, for which requests, how often.
//!
//! Invariant: a fault that passed its check has every number within its bound.

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

/// The most faults that one server holds. Enough for any rehearsal, and a bound on what a request is compared with.
pub const MAX_FAULTS: usize = 64;
/// The longest latency, in milliseconds: ten minutes outlast every client timeout.
const MAX_LATENCY_MS: u64 = 600_000;
/// The most frames of a stream that are let through before it breaks.
const MAX_FRAMES: u32 = 100_000;
/// The longest wait that a rate limit names, in seconds: one day.
const MAX_RETRY_AFTER_S: u64 = 86_400;

/// What happens to a request that a fault hits. In JSON and TOML: `"malformed"`, `{"latency": {"ms": 50}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// The answer waits for `ms` plus a random part of `jitter_ms`. Adds to any other effect.
    Latency {
        /// Milliseconds, at most 600,000.
        ms: u64,
        /// Up to so many milliseconds more.
        #[serde(default)]
        jitter_ms: u64,
    },
    /// An error answer in the vendor's own words. With `probability` it is an error rate.
    Error {
        /// 400 to 599.
        #[serde(default = "internal_server_error")]
        status: u16,
    },
    /// The vendor's rate limit, with its own headers and body.
    RateLimit {
        /// Seconds that the client is told to wait; at most 86,400.
        #[serde(default = "default_retry_after_s")]
        retry_after_s: u64,
        /// GitHub's secondary limit (403 with retry-after); other vendors have one kind only.
        #[serde(default)]
        secondary: bool,
    },
    /// The credential is refused, in the vendor's own words, as if it had expired.
    ExpiredToken,
    /// The TCP connection is reset without an answer.
    Reset {
        /// The request takes effect first: the write happened, and the client never hears of it.
        #[serde(default)]
        processed: bool,
    },
    /// The request is read and never answered; the connection stays open.
    Hang {
        /// The request takes effect first.
        #[serde(default)]
        processed: bool,
    },
    /// The answer's body is not valid JSON; its length is right.
    Malformed,
    /// The answer's body ends, with the connection, before the length that its header promised.
    Truncated,
    /// The answer's head comes at once and its body whole, but a sixteenth at a time.
    Drip {
        /// Milliseconds before each piece, at most 600,000; of a stream, before each frame.
        ms: u64,
    },
    /// A streamed answer breaks off. Hits streamed requests only.
    CutStream {
        /// Frames that still arrive.
        after_frames: u32,
        /// The HTTP body ends correctly: only the vendor's end mark is missing.
        #[serde(default)]
        clean: bool,
    },
    /// A streamed answer carries the vendor's error frame and ends. Hits streamed requests only.
    StreamError {
        /// Frames that still arrive.
        after_frames: u32,
    },
}

fn internal_server_error() -> u16 {
    StatusCode::INTERNAL_SERVER_ERROR.as_u16()
}

fn default_retry_after_s() -> u64 {
    1
}

impl Effect {
    /// The name under which it is counted.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Error { .. } => "error",
            Self::RateLimit { .. } => "rate_limit",
            Self::ExpiredToken => "expired_token",
            Self::Reset { .. } => "reset",
            Self::Hang { .. } => "hang",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::Drip { .. } => "drip",
            Self::CutStream { .. } => "cut_stream",
            Self::StreamError { .. } => "stream_error",
        }
    }

    pub(crate) fn needs_stream(&self) -> bool {
        matches!(self, Self::CutStream { .. } | Self::StreamError { .. })
    }
}

/// An effect and the requests that it hits. Without a filter it hits every request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    pub effect: Effect,
    /// Only requests with this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path starts so. The path is the one on the wire: `/v1/models`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    /// Only the next so many hits; afterwards the fault is spent. `None`: until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The part of the matching requests that is hit, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// Start of the random sequence for `probability` and jitter.
    #[serde(default)]
    pub seed: u64,
}

fn always() -> f64 {
    1.0
}

impl Fault {
    /// A fault that hits every request until it is removed.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self {
            effect,
            method: None,
            path_prefix: None,
            times: None,
            probability: 1.0,
            seed: 0,
        }
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: &Method) -> Self {
        self.method = Some(method.as_str().to_owned());
        self
    }

    /// Only requests whose path starts with `prefix`.
    #[must_use]
    pub fn path_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.path_prefix = Some(prefix.into());
        self
    }

    /// Only the next `times` hits.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only the part `probability` (0 to 1) of the matching requests, drawn from `seed`.
    #[must_use]
    pub fn probability(mut self, probability: f64, seed: u64) -> Self {
        self.probability = probability;
        self.seed = seed;
        self
    }

    /// Checks every field against its bound.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn check(&self) -> Result<(), FaultError> {
        let refuse = |field, reason| Err(FaultError::Invalid { field, reason });
        if !(0.0..=1.0).contains(&self.probability) {
            return refuse("probability", "must lie between 0 and 1");
        }
        if self.times == Some(0) {
            return refuse("times", "must be at least 1");
        }
        if self
            .path_prefix
            .as_deref()
            .is_some_and(|prefix| !prefix.starts_with('/'))
        {
            return refuse("path_prefix", "must start with /");
        }
        if self
            .method
            .as_deref()
            .is_some_and(|name| Method::from_bytes(name.as_bytes()).is_err())
        {
            return refuse("method", "is not an HTTP method");
        }
        match self.effect {
            Effect::Latency { ms, jitter_ms } if ms.max(jitter_ms) > MAX_LATENCY_MS => {
                refuse("effect.latency", "must be at most 600000 ms")
            }
            Effect::Drip { ms } if ms > MAX_LATENCY_MS => refuse("effect.drip.ms", "must be at most 600000"),
            Effect::Error { status } if !(400..600).contains(&status) => {
                refuse("effect.error.status", "must lie between 400 and 599")
            }
            Effect::RateLimit { retry_after_s, .. } if retry_after_s > MAX_RETRY_AFTER_S => {
                refuse("effect.rate_limit.retry_after_s", "must be at most 86400")
            }
            Effect::CutStream { after_frames, .. } | Effect::StreamError { after_frames }
                if after_frames > MAX_FRAMES =>
            {
                refuse("effect.after_frames", "must be at most 100000")
            }
            _ => Ok(()),
        }
    }

    /// Whether its filters let this request through.
    pub(crate) fn matches(&self, method: &Method, path: &str, streamed: bool) -> bool {
        self.method
            .as_deref()
            .is_none_or(|name| name.eq_ignore_ascii_case(method.as_str()))
            && self
                .path_prefix
                .as_deref()
                .is_none_or(|prefix| path.starts_with(prefix))
            && (streamed || !self.effect.needs_stream())
    }
}

/// Why a fault was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// A field is out of range.
    #[error("{field} {reason}")]
    Invalid {
        /// The field, as written in JSON.
        field: &'static str,
        /// What it must be.
        reason: &'static str,
    },
    /// The table is full.
    #[error("at most {MAX_FAULTS} faults can be set on one server")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_out_of_range_is_named() {
        let field = |fault: Fault| match fault.check() {
            Err(FaultError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(Fault::new(Effect::Error { status: 200 })), "effect.error.status");
        assert_eq!(
            field(Fault::new(Effect::Malformed).probability(f64::NAN, 0)),
            "probability"
        );
        assert_eq!(field(Fault::new(Effect::Malformed).path_prefix("x")), "path_prefix");
        assert_eq!(field(Fault::new(Effect::Malformed).times(0)), "times");
        assert_eq!(
            field(Fault::new(Effect::Latency {
                ms: u64::MAX,
                jitter_ms: 0
            })),
            "effect.latency"
        );
        assert_eq!(field(Fault::new(Effect::Drip { ms: u64::MAX })), "effect.drip.ms");
    }

    #[test]
    fn json_form_is_flat_and_strict() {
        let fault: Fault = serde_json::from_str(
            r#"{"effect": {"latency": {"ms": 50, "jitter_ms": 10}}, "method": "GET", "times": 3}"#,
        )
        .unwrap();
        assert_eq!(fault.effect, Effect::Latency { ms: 50, jitter_ms: 10 });
        assert!(serde_json::from_str::<Fault>(r#"{"effect": "malformed", "tmes": 3}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"effect": {"latency": {"ms": 5, "s": 1}}}"#).is_err());
    }
}
