//! A request as the routes see it: who asks, which things the path names, and what is said of them.
//!
//! Invariant: a part of the path is decoded once, after the route was chosen by its encoded form.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Path, Request};
use axum::response::IntoResponse;
use axum::{Json, RequestExt};
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use serde_json::Value;

use super::GitLab;
use super::caller::Caller;
use super::data::Data;
use super::input::Input;
use super::problem::Problem;
use crate::sandbox::forge::Repo;

/// What a route answers.
pub(crate) type Answer = Result<Response<Body>, Problem>;

/// A request.
pub(crate) struct Ask {
    pub gitlab: Arc<GitLab>,
    pub caller: Caller,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// What the path names, in its order.
    parts: Vec<String>,
    pub input: Input,
}

impl FromRequest<Arc<GitLab>> for Ask {
    type Rejection = Problem;

    async fn from_request(mut request: Request, gitlab: &Arc<GitLab>) -> Result<Self, Problem> {
        let parts = request.extract_parts::<Path<Vec<(String, String)>>>().await;
        // A route without a name in its path has nothing to extract, and a part that is no text names nothing.
        let parts = parts.map(|Path(parts)| parts.into_iter().map(|(_, part)| part).collect());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let headers = request.headers().clone();
        let caller = request.extensions().get::<Caller>().copied();
        let body = Bytes::from_request(request, gitlab).await;
        let body = body.map_err(|_| Problem::of(StatusCode::BAD_REQUEST))?;
        Ok(Self {
            gitlab: gitlab.clone(),
            caller: caller.unwrap_or(Caller::Anonymous),
            input: Input::read(&uri, &headers, &body)?,
            parts: parts.unwrap_or_default(),
            method,
            uri,
            headers,
        })
    }
}

impl Ask {
    /// What the path names at this place.
    pub fn part(&self, at: usize) -> Result<&str, Problem> {
        self.parts.get(at).map(String::as_str).ok_or_else(Problem::not_found)
    }

    /// A number in the path.
    pub fn number(&self, at: usize) -> Result<u64, Problem> {
        self.part(at)?.parse().map_err(|_| Problem::parameter("id is invalid"))
    }

    /// The project that the path names first, for reading.
    pub fn project<'a>(&self, data: &'a Data) -> Result<&'a Repo, Problem> {
        data.project(self, self.part(0)?)
    }

    /// The same for a change: the caller has a say there, and the project takes changes.
    pub fn writable(&self, data: &Data) -> Result<u64, Problem> {
        let repo = self.project(data)?;
        if !data.member(repo) {
            return Err(Problem::forbidden());
        }
        repo.writable().map_err(Problem::from)?;
        Ok(repo.id)
    }
}

/// 200 with this.
pub(crate) fn ok(value: Value) -> Answer {
    Ok(Json(value).into_response())
}

/// 201 with this.
pub(crate) fn created(value: Value) -> Answer {
    Ok((StatusCode::CREATED, Json(value)).into_response())
}

/// 204.
pub(crate) fn gone() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}
