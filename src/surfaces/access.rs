//! What the access log tells of a request, and what it need not tell at its usual level.
//!
//! Invariant: of a request that is marked here the log tells elsewhere, or nobody reads; and no secret in a path is told.

use axum::response::Response;

/// Before what stands a secret in a path, behind one more part.
const SECRET_PATHS: &str = "/webhooks/";

/// A request's path as it is told: without what stands behind the name of who sends by itself.
pub fn told_path(path: &str) -> String {
    let Some((before, rest)) = path.split_once(SECRET_PATHS) else {
        return path.to_owned();
    };
    match rest.split_once('/') {
        Some((name, _)) => format!("{before}{SECRET_PATHS}{name}/…"),
        None => path.to_owned(),
    }
}

/// A response whose request is told of in the line of its call, or is a machine's that asks again and again.
#[derive(Clone, Copy, Debug)]
pub struct Unremarkable;

impl Unremarkable {
    /// Marks a response.
    pub fn mark(mut response: Response) -> Response {
        response.extensions_mut().insert(Unremarkable);
        response
    }

    /// Whether it is marked.
    pub fn is(response: &Response) -> bool {
        response.extensions().get::<Unremarkable>().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_a_path_is_not_told() {
        assert_eq!(told_path("/webhooks/docs/planted"), "/webhooks/docs/…");
        assert_eq!(
            told_path("/gateway/webhooks/docs/planted/x"),
            "/gateway/webhooks/docs/…"
        );
        for path in ["/webhooks/forge", "/v1/git/repos/acme/webhooks", "/"] {
            assert_eq!(told_path(path), path);
        }
    }
}
