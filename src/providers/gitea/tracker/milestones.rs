//! The requests that serve milestones.
//!
//! Invariant: no two milestones of one title are made: callers name them by it.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use crate::catalogue::Page;
use crate::catalogue::projects::{Milestone, MilestoneCreate, MilestoneList};
use crate::providers::gitea::{Gitea, convert, pages, wire};
use crate::providers::{Reply, Request, forge, tracker};

pub async fn list(gitea: Arc<Gitea>, request: Request<MilestoneList>) -> Result<Reply<Page<Milestone>>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let parts = ["repos", owner, name, "milestones"];
    let filters = [("state", forge::state_word(request.input.state))];
    let milestone = |_: &Arc<str>, row| Some(convert::milestone(row));
    pages::list(&gitea, &parts, &filters, &request, milestone).await
}

pub async fn create(gitea: Arc<Gitea>, request: Request<MilestoneCreate>) -> Result<Reply<Milestone>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    let parts = ["repos", owner, name, "milestones"];
    let outgoing = gitea
        .endpoint
        .get(&parts)?
        .query("state", "all")
        .query("name", &*input.title);
    let received = gitea.endpoint.send(outgoing).await.map_err(Failure::never_sent)?;
    let rows = received.rows::<wire::Milestone>(false).map_err(Failure::never_sent)?;
    if rows.iter().any(|row| row.wire.title == *input.title) {
        let mut failure = received.failure(Kind::Conflict, "title exists already");
        failure.field = Some("title".into());
        return Err(failure.never_sent());
    }
    let milestone = wire::NewMilestone {
        title: &input.title,
        description: input.description.as_deref(),
        due_on: input.due_on.as_deref().map(tracker::noon),
    };
    let outgoing = gitea.endpoint.post(&parts, &milestone)?;
    gitea
        .endpoint
        .answer(outgoing, &request, |_, row| convert::milestone(row))
        .await
}
