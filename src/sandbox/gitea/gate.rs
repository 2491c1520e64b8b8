//! What is checked before any route: the proxy's limit, who calls, what they may, and where the repository is.
//!
//! Invariant: a wrong token is refused everywhere, also where none is needed.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::caller::Caller;
use super::objects::BASE;
use super::problem::{Problem, by_proxy};
use super::{Gitea, place};
use crate::sandbox::kit::credential;
use crate::sandbox::kit::query::Params;

const WARNING: HeaderName = HeaderName::from_static("x-gitea-warning");

pub(crate) async fn pass(State(gitea): State<Arc<Gitea>>, mut request: Request, next: Next) -> Response<Body> {
    if let Some(Err(wait)) = gitea.proxy.as_ref().map(|quota| quota.take(1, SystemTime::now())) {
        return by_proxy(wait);
    }
    let by_query = query_token(&request).is_some();
    let mut response = match admit(&gitea, &request) {
        Err(problem) => problem.into_response(),
        Ok(caller) => match place::elsewhere(&gitea, &request, &caller) {
            Some(answer) => answer,
            None => {
                request.extensions_mut().insert(caller);
                next.run(request).await
            }
        },
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        // The route's name stays on the answer: the refusal was the route's work.
        let extensions = std::mem::take(response.extensions_mut());
        response = problem.into_answer(&gitea.instance.origin);
        *response.extensions_mut() = extensions;
    }
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("max-age=0, private, must-revalidate, no-transform"),
    );
    if by_query {
        let text =
            "token and access_token API authentication is deprecated. Please use AuthorizationHeaderToken instead.";
        headers.insert(WARNING, HeaderValue::from_static(text));
    }
    response
}

/// Who calls, or why not.
fn admit(gitea: &Gitea, request: &Request) -> Result<Caller, Problem> {
    // What is beside the API asks for itself.
    let Some(path) = request.uri().path().strip_prefix(BASE) else {
        return Ok(Caller::Anonymous);
    };
    let (token, basic) = match query_token(request) {
        Some(token) => (Some(token), false),
        None => header_token(request.headers().get(header::AUTHORIZATION)),
    };
    let Some(token) = token else {
        return match needs_token(request.method(), path) {
            true => Err(Problem::token_required()),
            false => Ok(Caller::Anonymous),
        };
    };
    let scope = gitea.access().scope_of(&token).ok_or_else(Problem::bad_token)?;
    match scope.missing(request.method(), path) {
        Some(missing) => Err(Problem::new(StatusCode::FORBIDDEN, missing)),
        None => Ok(Caller::User { scope, basic }),
    }
}

/// A token in the query is taken, though it is no longer welcome there, and before any other.
fn query_token(request: &Request) -> Option<String> {
    let params = Params::of(request.uri());
    let given = |name| params.get(name).filter(|token| !token.is_empty());
    given("token").or_else(|| given("access_token")).map(str::to_owned)
}

/// The token of a header, and whether it stands for a password. A scheme that is not known is passed over.
fn header_token(value: Option<&HeaderValue>) -> (Option<String>, bool) {
    let Some(value) = value else {
        return (None, false);
    };
    if let Some(token) = credential::token(value, &["token", "bearer"]) {
        return (Some(token.to_owned()), false);
    }
    match credential::basic(value) {
        // Scripts send the token as the user's name.
        Some((user, password)) if password.is_empty() || password == "x-oauth-basic" => (Some(user), true),
        Some((_, password)) => (Some(password), true),
        None => (None, false),
    }
}

/// Whether strangers are kept out.
fn needs_token(method: &Method, path: &str) -> bool {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let own = matches!(
        parts.as_slice(),
        ["user" | "repositories", ..]
            | ["users", _, "tokens", ..]
            | ["repos", _, _, "hooks", ..]
            | [
                "repos",
                _,
                _,
                "actions",
                "jobs" | "runners" | "secrets" | "variables" | "workflows",
                ..
            ]
    );
    !reads || own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_as_a_token_a_bearer_or_a_password() {
        let of = |text: &'static str| header_token(Some(&HeaderValue::from_static(text)));
        let taken = |token: &str, basic| (Some(token.to_owned()), basic);
        assert_eq!(of("token x"), taken("x", false));
        assert_eq!(of("Bearer x"), taken("x", false));
        // `user:x`, `x:` and `x:x-oauth-basic`.
        assert_eq!(of("Basic dXNlcjp4"), taken("x", true));
        assert_eq!(of("Basic eDo="), taken("x", true));
        assert_eq!(of("Basic eDp4LW9hdXRoLWJhc2lj"), taken("x", true));
        assert_eq!((of("Basic ?"), of("Digest x")), ((None, false), (None, false)));
    }

    #[test]
    fn strangers_read_what_is_nobodys_own() {
        for (path, kept) in [
            ("/version", false),
            ("/repos/a/b", false),
            ("/users/a/repos", false),
            ("/user", true),
            ("/user/repos", true),
            ("/users/a/tokens", true),
            ("/repos/a/b/hooks/1", true),
        ] {
            assert_eq!(needs_token(&Method::GET, path), kept, "{path}");
            assert!(needs_token(&Method::POST, path), "{path}");
        }
    }
}
