//! What the store answers: it knows nobody, and opens to who holds a link.
//!
//! Invariant: a request with a credential is refused.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};

use super::super::GitHub;
use crate::sandbox::kit::query::Params;

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path(_number): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response<Body> {
    if headers.contains_key(header::AUTHORIZATION) {
        let message = "Authentication information is not given in the correct format.";
        return refuse(StatusCode::BAD_REQUEST, "InvalidAuthenticationInfo", message);
    }
    let params = Params::of(&uri);
    let sign = params.get("sig").unwrap_or_default();
    let store = github.store();
    match store.find(sign) {
        None => {
            let message = "Server failed to authenticate the request: the signature is not valid any more.";
            refuse(StatusCode::FORBIDDEN, "AuthenticationFailed", message)
        }
        Some(None) => refuse(
            StatusCode::NOT_FOUND,
            "BlobNotFound",
            "The specified blob does not exist.",
        ),
        Some(Some(stored)) => {
            let name = format!("attachment; filename=\"{}\"", stored.name);
            let mut response = stored.content.clone().into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(stored.kind));
            if let Ok(name) = HeaderValue::from_str(&name) {
                headers.insert(header::CONTENT_DISPOSITION, name);
            }
            response
        }
    }
}

/// As the store refuses: in XML.
fn refuse(status: StatusCode, code: &'static str, message: &str) -> Response<Body> {
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert("x-ms-error-code", HeaderValue::from_static(code));
    response
}
