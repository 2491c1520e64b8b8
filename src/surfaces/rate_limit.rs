//! What a tenant's rate leaves it, as `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11).
//!
//! Invariant: the quota, its window and what is left are those that admission goes by; where a call was refused for them, the
//! time told is that of `Retry-After`.

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mosaic_actors::policy::limit::Allowance;

use super::problem::whole_seconds;

/// What is left.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Of what.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What the one policy is called.
const POLICY: &str = "tenant";

/// Tells an answer's headers what is left; nothing where the tenant has no rate.
pub(super) fn tell(allowance: Option<Allowance>, status: StatusCode, headers: &mut HeaderMap) {
    let Some(left) = allowance else { return };
    let (quota, window) = (left.quota, whole_seconds(left.window).max(1));
    let told = headers
        .get(RETRY_AFTER)
        .and_then(|wait| wait.to_str().ok()?.parse().ok());
    let (remaining, reset) = match told {
        // Others have called since: what is left to whoever was refused is nothing.
        Some(wait) if status == StatusCode::TOO_MANY_REQUESTS => (0, wait),
        _ => (left.remaining, whole_seconds(left.reset)),
    };
    let policy = format!("\"{POLICY}\";q={quota};w={window}");
    let state = format!("\"{POLICY}\";r={remaining};t={reset}");
    for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}
