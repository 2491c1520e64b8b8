//! The routes to access tokens, which want a password.
//!
//! Invariant: a token is shown once, when it is made, and opens no more than what it was made with.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::json;

use super::caller::Caller;
use super::form::Form;
use super::problem::Problem;
use super::scope::Scope;
use super::{Gitea, page};
use crate::sandbox::forge::now;
use crate::sandbox::seed::USER;

/// The scopes of a caller who may deal with tokens of this user.
fn admitted(caller: &Caller, username: &str) -> Result<Scope, Problem> {
    let Caller::User { scope, basic } = caller else {
        return Err(Problem::token_required());
    };
    if !username.eq_ignore_ascii_case(USER) {
        let message = "doer should be the site admin or be same as the contextUser";
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    }
    match basic {
        true => Ok(scope.clone()),
        false => Err(Problem::new(StatusCode::UNAUTHORIZED, "auth required")),
    }
}

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path(username): Path<String>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    admitted(&caller, &username)?;
    let links = gitea.links();
    Ok(page::unlinked(&uri, gitea.access().tokens(), |token| {
        links.token(token)
    }))
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path(username): Path<String>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let own = admitted(&caller, &username)?;
    let form = Form::read(&body)?;
    let name = form.required("name", "Name")?;
    let refuse = |message: String| Problem::new(StatusCode::BAD_REQUEST, message);
    let mut access = gitea.access();
    if access.tokens().iter().any(|token| token.name == name) {
        return Err(refuse("access token name has been used already".to_owned()));
    }
    let scope = Scope::parse(&form.texts("scopes")?.unwrap_or_default()).map_err(|word| {
        refuse(format!(
            "invalid access token scope provided: invalid access token scope: {word}"
        ))
    })?;
    if scope.is_empty() {
        return Err(refuse("access token must have a scope".to_owned()));
    }
    if !own.covers(&scope) {
        let message = "cannot create an access token with a broader scope than the authenticating token";
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    }
    let made = access.create(name, scope, now());
    let (token, secret) = made.ok_or_else(Problem::full)?;
    let mut object = gitea.links().token(&token);
    object["sha1"] = json!(secret);
    Ok((StatusCode::CREATED, Json(object)).into_response())
}

pub(crate) async fn delete(
    State(gitea): State<Arc<Gitea>>,
    Path((username, token)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    admitted(&caller, &username)?;
    let deleted = gitea.access().delete(&token);
    deleted.then_some(StatusCode::NO_CONTENT).ok_or_else(Problem::not_found)
}
