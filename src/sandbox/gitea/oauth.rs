//! The renewal of OAuth tokens, beside the API.
//!
//! Invariant: a refusal is in OAuth's form, never in the API's, and every one of them has the status 400.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use serde_json::json;
use url::form_urlencoded::parse;

use super::Gitea;
use super::access::{CLIENT_ID, Unusable};
use crate::sandbox::kit::credential;

/// The lifetime that an access token is said to have, in seconds.
const EXPIRES_IN: u32 = 3_600;

/// A refusal: OAuth's code, and Gitea's words.
struct Refused(&'static str, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        let body = json!({ "error": self.0, "error_description": self.1 });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

pub(crate) async fn token(State(gitea): State<Arc<Gitea>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    exchange(&gitea, &headers, &body).unwrap_or_else(IntoResponse::into_response)
}

fn exchange(gitea: &Gitea, headers: &HeaderMap, body: &Bytes) -> Result<Response<Body>, Refused> {
    let mut fields = fields(headers, body)?;
    let mut field = |name: &str| fields.remove(name).unwrap_or_default();
    let (id, secret) = client(headers, field("client_id"), field("client_secret"))?;
    match field("grant_type").as_str() {
        "refresh_token" => {}
        // A code is handed out in a browser, which nobody has here.
        "authorization_code" => return Err(Refused("unauthorized_client", "client is not authorized".to_owned())),
        _ => {
            let words = "Only refresh_token or authorization_code grant type is supported";
            return Err(Refused("unsupported_grant_type", words.to_owned()));
        }
    }
    if id != CLIENT_ID {
        return Err(Refused(
            "invalid_client",
            format!("cannot load client with client id: {id:?}"),
        ));
    }
    if !gitea.instance.accepts(&secret) {
        let words = if secret.is_empty() {
            "invalid empty client secret"
        } else {
            "invalid client secret"
        };
        return Err(Refused("invalid_client", words.to_owned()));
    }
    let pair = gitea.access().renew(&field("refresh_token")).map_err(|reason| {
        let words = match reason {
            Unusable::Unknown => "unable to parse refresh token",
            Unusable::Used => "token was already used",
        };
        Refused("unauthorized_client", words.to_owned())
    })?;
    Ok(Json(json!({
        "access_token": pair.access,
        "token_type": "bearer",
        "expires_in": EXPIRES_IN,
        "refresh_token": pair.refresh,
    }))
    .into_response())
}

/// A form, or the same as JSON.
fn fields(headers: &HeaderMap, body: &Bytes) -> Result<HashMap<String, String>, Refused> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    match kind.is_some_and(|kind| kind.contains("json")) {
        true => serde_json::from_slice(body)
            .map_err(|_| Refused("invalid_request", "the body is no JSON object of texts".to_owned())),
        false => Ok(parse(body).into_owned().collect()),
    }
}

/// The application's id and secret: of the body, or else of the header.
fn client(headers: &HeaderMap, id: String, secret: String) -> Result<(String, String), Refused> {
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return Ok((id, secret));
    };
    if !id.is_empty() && !secret.is_empty() {
        return Ok((id, secret));
    }
    let refuse = |words: &str| Refused("invalid_request", words.to_owned());
    let (user, password) = credential::basic(given).ok_or_else(|| refuse("cannot parse basic auth header"))?;
    if !id.is_empty() && id != user {
        return Err(refuse(
            "client_id in request body inconsistent with Authorization header",
        ));
    }
    if !secret.is_empty() && secret != password {
        return Err(refuse(
            "client_secret in request body inconsistent with Authorization header",
        ));
    }
    Ok((user, password))
}
