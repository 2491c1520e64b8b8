//! What Woodpecker checks before any route of its API: who asks, and what they may.
//!
//! Invariant: a request without the right token takes nothing from the limit.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use http::{Method, Response, header};
use url::form_urlencoded::parse;

use super::Woodpecker;
use super::problem::Problem;
use crate::sandbox::kit::credential;

/// The server's token with this after it is that of a guest, who may only read.
const READER: &str = "-reader";
/// What only an administrator may see or do.
const FOR_ADMINS: [&str; 2] = ["/api/queue/", "/api/repos"];

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Viewer {
    Admin,
    Reader,
}

pub(crate) async fn pass(
    State(woodpecker): State<Arc<Woodpecker>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    match admit(&woodpecker, &request) {
        Ok(viewer) => {
            request.extensions_mut().insert(viewer);
            next.run(request).await
        }
        Err(problem) => problem.into_answer(),
    }
}

fn admit(woodpecker: &Woodpecker, request: &Request) -> Result<Viewer, Problem> {
    let token = token(request).ok_or_else(Problem::unauthorized)?;
    let reader = token
        .strip_suffix(READER)
        .is_some_and(|token| woodpecker.instance.accepts(token));
    let viewer = match reader {
        true => Viewer::Reader,
        false if woodpecker.instance.accepts(&token) => Viewer::Admin,
        false => return Err(Problem::unauthorized()),
    };
    if let Some(quota) = &woodpecker.quota {
        quota.take(1, SystemTime::now()).map_err(Problem::rate_limited)?;
    }
    viewer.may(request)?;
    Ok(viewer)
}

impl Viewer {
    fn may(self, request: &Request) -> Result<(), Problem> {
        let path = request.uri().path();
        let admins = FOR_ADMINS
            .iter()
            .any(|of| path == *of || of.ends_with('/') && path.starts_with(of));
        match (self, admins, request.method() == Method::GET) {
            (Viewer::Admin, ..) | (Viewer::Reader, false, true) => Ok(()),
            (Viewer::Reader, true, _) => Err(Problem::forbidden()),
            // What one may not change is not there.
            (Viewer::Reader, false, false) => Err(Problem::not_found()),
        }
    }
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
