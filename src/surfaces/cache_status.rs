//! The `Cache-Status` of answers and of remembered failures (RFC 9211).
//!
//! Invariant: a hit names the tier that served it, and for how many seconds it stays fresh.

use http::HeaderName;
use mosaic_actors::call::{CacheStatus, CachedBy};

/// The header.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The header's text. A hit and a stale answer name the tier that served them, and for how many seconds it stays fresh;
/// below zero: since when it is not.
pub fn text(status: CacheStatus, by: Option<CachedBy>) -> String {
    let (name, ttl) = match by {
        Some(by) => (
            format!("MosAIc-{}", by.tier.to_uppercase()),
            format!("; ttl={}", by.ttl_seconds),
        ),
        None => ("MosAIc".to_owned(), String::new()),
    };
    match status {
        CacheStatus::Bypass => "MosAIc; fwd=bypass".to_owned(),
        CacheStatus::Miss => "MosAIc; fwd=uri-miss".to_owned(),
        CacheStatus::Hit => format!("{name}; hit{ttl}"),
        CacheStatus::Collapsed => "MosAIc; fwd=uri-miss; collapsed".to_owned(),
        CacheStatus::Revalidated => "MosAIc; fwd=stale; fwd-status=304".to_owned(),
        CacheStatus::Stale => format!("{name}; fwd=stale{ttl}; detail=stale-if-error"),
    }
}
