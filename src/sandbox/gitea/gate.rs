//! What is checked before any route: the proxy's limit and the token.
//!
//! Invariant: a wrong token is refused everywhere, also where none is needed.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use http::{HeaderValue, Method, Response, header};

use super::Gitea;
use super::objects::BASE;
use super::problem::{Problem, by_proxy};
use crate::sandbox::kit::credential;

pub(crate) async fn pass(State(gitea): State<Arc<Gitea>>, request: Request, next: Next) -> Response<Body> {
    if let Some(Err(wait)) = gitea.proxy.as_ref().map(|quota| quota.take(1, SystemTime::now())) {
        return by_proxy(wait);
    }
    let mut response = match admit(&gitea, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        // The route's name stays on the answer: the refusal was the route's work.
        let extensions = std::mem::take(response.extensions_mut());
        response = problem.into_answer(&gitea.instance.origin);
        *response.extensions_mut() = extensions;
    }
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("max-age=0, private, must-revalidate, no-transform"),
    );
    response
}

fn admit(gitea: &Gitea, request: &Request) -> Result<(), Problem> {
    let path = request.uri().path().strip_prefix(BASE).unwrap_or_default();
    let own = path == "/user" || path.starts_with("/user/");
    let open_to_all = matches!(*request.method(), Method::GET | Method::HEAD) && !own;
    match request.headers().get(header::AUTHORIZATION) {
        None if open_to_all => Ok(()),
        None => Err(Problem::token_required()),
        Some(value)
            if credential::token(value, &["token", "bearer"]).is_some_and(|token| gitea.instance.accepts(token)) =>
        {
            Ok(())
        }
        Some(_) => Err(Problem::bad_token()),
    }
}
