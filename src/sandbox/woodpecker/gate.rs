//! What Woodpecker checks before any route of its API.
//!
//! Invariant: a request without the right token takes nothing from the limit.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use http::{Response, header};
use url::form_urlencoded::parse;

use super::Woodpecker;
use super::problem::Problem;
use crate::sandbox::kit::credential;

pub(crate) async fn pass(State(woodpecker): State<Arc<Woodpecker>>, request: Request, next: Next) -> Response<Body> {
    match admit(&woodpecker, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_answer(),
    }
}

fn admit(woodpecker: &Woodpecker, request: &Request) -> Result<(), Problem> {
    if !token(request).is_some_and(|token| woodpecker.instance.accepts(&token)) {
        return Err(Problem::unauthorized());
    }
    let Some(quota) = &woodpecker.quota else {
        return Ok(());
    };
    quota.take(1, SystemTime::now()).map_err(Problem::rate_limited)
}

/// `Authorization: Bearer T`, else the query's `access_token`.
fn token(request: &Request) -> Option<String> {
    if let Some(value) = request.headers().get(header::AUTHORIZATION) {
        return credential::token(value, &["bearer"]).map(str::to_owned);
    }
    let query = request.uri().query()?.as_bytes();
    parse(query)
        .find(|(name, _)| name == "access_token")
        .map(|(_, token)| token.into_owned())
}
