//! The requests that serve milestones.
//!
//! Invariant: a day is written as a moment that is on it in the zone that GitHub counts days in, too.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use crate::catalogue::Page;
use crate::catalogue::projects::{Milestone, MilestoneCreate, MilestoneList};
use crate::providers::github::lookup::At;
use crate::providers::github::{GitHub, SIZE, convert, wire};
use crate::providers::{Reply, Request, forge, tracker};

pub async fn list(github: Arc<GitHub>, request: Request<MilestoneList>) -> Result<Reply<Page<Milestone>>, Failure> {
    let repo = At::of("project", &request.native)?;
    let outgoing = github
        .endpoint
        .get(&repo.parts(&["milestones"]))?
        .query("state", forge::state_word(request.input.state));
    let milestone = |_: &Arc<str>, row| Some(convert::milestone(row));
    github.endpoint.page(outgoing, SIZE, &request, milestone).await
}

pub async fn create(github: Arc<GitHub>, request: Request<MilestoneCreate>) -> Result<Reply<Milestone>, Failure> {
    let repo = At::of("project", &request.native)?;
    let input = &request.input;
    let milestone = wire::NewMilestone {
        title: &input.title,
        description: input.description.as_deref(),
        due_on: input.due_on.as_deref().map(tracker::noon),
    };
    let outgoing = github.endpoint.post(&repo.parts(&["milestones"]), &milestone)?;
    github
        .endpoint
        .answer(outgoing, &request, |_, row| convert::milestone(row))
        .await
}
