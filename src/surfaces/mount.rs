//! Below which path a surface is mounted.
//!
//! Invariant: it is taken from each request, so that one router may be mounted in several places.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::OriginalUri;
use axum::middleware::Next;
use axum::response::Response;
use http::{Extensions, Request};

/// The path before a surface's own: empty, or beginning with a slash and not ending with one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount(Option<Arc<str>>);

impl Mount {
    /// As [`note`] found it.
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get::<Mount>().cloned().unwrap_or_default()
    }

    /// The path.
    pub fn path(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// What the path as it came has before the path that is left for us.
    fn between(whole: &str, left: &str) -> Self {
        // A mount's own path leaves a slash that did not come.
        let before = whole.strip_suffix(left).unwrap_or(whole).trim_end_matches('/');
        Mount((!before.is_empty()).then(|| Arc::from(before)))
    }
}

/// Middleware of a surface's outermost router: notes where that is mounted.
pub async fn note(mut request: Request<Body>, next: Next) -> Response {
    if let Some(OriginalUri(whole)) = request.extensions().get::<OriginalUri>() {
        let mount = Mount::between(whole.path(), request.uri().path());
        request.extensions_mut().insert(mount);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_what_stands_before() {
        for (whole, left, mount) in [
            ("/v1/x", "/v1/x", ""),
            ("/gateway/v1/x", "/v1/x", "/gateway"),
            ("/a/b/v1/a%2Fb", "/v1/a%2Fb", "/a/b"),
            ("/ops", "/", "/ops"),
            ("/ops/", "/", "/ops"),
            ("/", "/", ""),
        ] {
            assert_eq!(Mount::between(whole, left).path(), mount, "{whole} {left}");
        }
    }
}
