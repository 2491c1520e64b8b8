//! The routes to milestones.
//!
//! Invariant: a milestone is found by its id, and by a part of its title.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, Uri};

use super::answer::{Named, created, number};
use super::form::Form;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{Milestone, Refused};
use crate::sandbox::kit::query::Params;

type In = Path<(String, String)>;

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): In,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let open = match params.get("state") {
        Some("closed") => Some(false),
        Some("all") => None,
        _ => Some(true),
    };
    let named = params.get("name").unwrap_or_default().to_lowercase();
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let asked =
        |its: &&Milestone| open.is_none_or(|open| its.open == open) && its.title.to_lowercase().contains(&named);
    let milestones: Vec<_> = repo.milestones.iter().filter(asked).collect();
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &milestones, |milestone| {
        links.milestone(repo, milestone)
    }))
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let id = number(&id)?;
    let milestone = repo.milestones.iter().find(|its| its.id == id);
    let milestone = milestone.ok_or_else(Problem::not_found)?;
    Ok(Json(gitea.links().milestone(repo, milestone)).into_response())
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): In,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let form = Form::read(&body)?;
    let title = form.text("title")?.unwrap_or_default().to_owned();
    let about = form.filled("description")?.map(str::to_owned);
    let due_on = form.time("due_on")?;
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?.id;
    let made = state.create_milestone(repo, title, about, due_on);
    let made = made.map_err(|reason| match reason {
        Refused::Exists(_) => Problem::invalid("this sandbox keeps no two milestones of one title"),
        other => other.into(),
    })?;
    Ok(created(gitea.links().milestone(state.by_id(repo)?, &made)))
}
