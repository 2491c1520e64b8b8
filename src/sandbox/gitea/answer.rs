//! What most routes begin and end with: the repository that a path names, and the answer to what was made.
//!
//! Invariant: what belongs to somebody else is not changed.

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{Response, StatusCode};
use serde_json::Value;

use super::problem::Problem;
use crate::sandbox::forge::{Repo, State};
use crate::sandbox::seed::GUEST;

/// Finds what a path names, in Gitea's way.
pub(crate) trait Named {
    /// To read it, or to take part in it.
    fn named(&self, owner: &str, name: &str) -> Result<&Repo, Problem>;

    /// To write to it.
    fn written(&self, owner: &str, name: &str) -> Result<&Repo, Problem> {
        let message = "user should have a permission to write to a repo";
        self.own(owner, name, message)
    }

    /// To administer it.
    fn administered(&self, owner: &str, name: &str) -> Result<&Repo, Problem> {
        let message = "user should be an owner or a collaborator with admin write of a repository";
        self.own(owner, name, message)
    }

    /// To do away with it.
    fn owned(&self, owner: &str, name: &str) -> Result<&Repo, Problem> {
        self.own(owner, name, "user should be the owner of the repo")
    }

    /// It, unless it is somebody else's.
    fn own(&self, owner: &str, name: &str, refusal: &str) -> Result<&Repo, Problem> {
        let repo = self.named(owner, name)?;
        match repo.owner == GUEST {
            true => Err(Problem::new(StatusCode::FORBIDDEN, refusal)),
            false => Ok(repo),
        }
    }
}

impl Named for State {
    fn named(&self, owner: &str, name: &str) -> Result<&Repo, Problem> {
        self.repo(owner, name).ok_or_else(Problem::not_found)
    }
}

/// A number in a path; what is none names nothing.
pub(crate) fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// 201, with what was made.
pub(crate) fn created(object: Value) -> Response<Body> {
    (StatusCode::CREATED, Json(object)).into_response()
}
