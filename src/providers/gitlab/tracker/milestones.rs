//! The requests that serve milestones.
//!
//! Invariant: a milestone is named by its id, never by its number in the project.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::Failure;

use crate::catalogue::Page;
use crate::catalogue::projects::{Milestone, MilestoneCreate, MilestoneList, StateFilter};
use crate::providers::gitlab::{GitLab, convert, ids, quick, wire};
use crate::providers::{Reply, Request};

pub async fn list(gitlab: Arc<GitLab>, request: Request<MilestoneList>) -> Result<Reply<Page<Milestone>>, Failure> {
    let path = ids::project("project", &request.native)?;
    let state = match request.input.state {
        StateFilter::Open => Some("active"),
        StateFilter::Closed => Some("closed"),
        StateFilter::All => None,
    };
    let outgoing = gitlab.get(&["projects", path, "milestones"])?.query_if("state", state);
    gitlab.list(outgoing, &request, |_, row| convert::milestone(row)).await
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<MilestoneCreate>) -> Result<Reply<Milestone>, Failure> {
    let path = ids::project("project", &request.native)?;
    let input = &request.input;
    let milestone = wire::NewMilestone {
        title: &input.title,
        description: input.description.as_deref().map(quick::inert),
        due_date: input.due_on.as_deref(),
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "milestones"], &milestone)?;
    gitlab
        .endpoint
        .answer(outgoing, &request, |_, row| convert::milestone(row))
        .await
}
