//! Where callers find the public listener.
//!
//! Invariant: a caller's own word on it goes back to that caller alone.

use http::HeaderMap;
use http::uri::Authority;
use url::Url;

use super::hosts;

/// By which address links lead back to us.
#[derive(Clone, Debug, Default)]
pub struct PublicOrigin {
    /// The one that is configured; where left out, by the host that each caller names.
    pub url: Option<Url>,
    /// Whether the listener speaks TLS itself.
    pub tls: bool,
}

impl PublicOrigin {
    /// Scheme and host, and the path before ours where there is one, without a slash at its end; `None` where nobody says it.
    pub fn seen_by(&self, headers: &HeaderMap, target: Option<&Authority>) -> Option<String> {
        if let Some(url) = &self.url {
            return Some(url.as_str().trim_end_matches('/').to_owned());
        }
        let scheme = if self.tls { "https" } else { "http" };
        hosts::named(headers, target).map(|host| format!("{scheme}://{host}"))
    }
}
