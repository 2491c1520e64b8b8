//! GitLab's OAuth endpoint: it renews a pair of tokens, and tells of the one that it is shown.
//!
//! Invariant: whoever renews gets a new refresh token, and the old one is good no more.

use axum::Json;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::json;

use super::ask::{Answer, Ask, ok};
use super::objects::user_id;
use super::problem::Problem;
use super::tokens::{LIFETIME, Place};
use crate::sandbox::forge::now;
use crate::sandbox::kit::credential;

/// The application that has a refresh token here. Its secret is the server's token.
const APPLICATION: &str = "sandbox-app";

/// When a pair was made, in seconds since the epoch.
fn made_at() -> i64 {
    now().parse::<jiff::Timestamp>().unwrap_or_default().as_second()
}

pub(crate) async fn token(ask: Ask) -> Answer {
    authenticate(&ask)?;
    let grant = ask.input.text("grant_type")?.unwrap_or_default();
    if grant.is_empty() {
        let words = "Missing required parameter: grant_type.";
        return Err(Problem::oauth(StatusCode::BAD_REQUEST, "invalid_request", words));
    }
    if grant != "refresh_token" {
        let words = "The authorization grant type is not supported by the authorization server.";
        return Err(Problem::oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type", words));
    }
    let offered = ask.input.text("refresh_token")?.unwrap_or_default();
    let instance = &ask.gitlab.instance;
    let pair = ask
        .gitlab
        .tokens()
        .refresh(instance, &offered, instance.token.expose_secret());
    let pair = pair.ok_or_else(|| {
        let words = "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used \
                     in the authorization request, or was issued to another client.";
        Problem::oauth(StatusCode::BAD_REQUEST, "invalid_grant", words)
    })?;
    let body = json!({
        "access_token": pair.access,
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "refresh_token": pair.refresh,
        "scope": "api",
        "created_at": made_at(),
    });
    let mut response = Json(body).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The application says who it is in the body or by Basic; a public one has no secret to show.
fn authenticate(ask: &Ask) -> Result<(), Problem> {
    let (mut id, mut secret) = (ask.input.text("client_id")?, ask.input.text("client_secret")?);
    let basic = ask.headers.get(header::AUTHORIZATION);
    let basic = basic.and_then(|value| credential::token(value, &["basic"]));
    let basic = basic.and_then(|pair| STANDARD.decode(pair).ok());
    let basic = basic.and_then(|pair| String::from_utf8(pair).ok());
    if let Some((name, password)) = basic.as_deref().and_then(|pair| pair.split_once(':')) {
        (id, secret) = (Some(name.to_owned()), Some(password.to_owned()));
    }
    let known = id.as_deref() == Some(APPLICATION);
    if known && secret.is_none_or(|secret| ask.gitlab.instance.accepts(&secret)) {
        return Ok(());
    }
    let words = "Client authentication failed due to unknown client, no client authentication included, or unsupported \
                 authentication method.";
    Err(Problem::oauth(StatusCode::UNAUTHORIZED, "invalid_client", words))
}

pub(crate) async fn info(ask: Ask) -> Answer {
    let offered = ask.headers.get(header::AUTHORIZATION);
    let offered = offered.and_then(|value| credential::token(value, &["bearer"]));
    let offered = offered.map(str::to_owned).or(ask.input.text("access_token")?);
    let invalid = |_| {
        let words = "The access token is invalid";
        Problem::oauth(StatusCode::UNAUTHORIZED, "invalid_token", words)
    };
    let offered = offered.unwrap_or_default();
    let admitted = ask.gitlab.tokens().admit(&ask.gitlab.instance, Place::Bearer, &offered);
    admitted.map_err(invalid)?;
    ok(json!({
        "resource_owner_id": user_id(ask.gitlab.data().forge.user),
        "scope": ["api"],
        "expires_in": LIFETIME,
        "application": { "uid": APPLICATION },
        "created_at": made_at(),
        "scopes": ["api"],
        "expires_in_seconds": LIFETIME,
    }))
}
