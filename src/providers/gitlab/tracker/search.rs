//! The request that finds issues.
//!
//! Invariant: everybody's issues are asked for: GitLab's own choice are those of the credential's user (GL14).

use std::sync::Arc;

use mosaic_actors::error::Failure;

use crate::catalogue::Page;
use crate::catalogue::projects::{Issue, IssueSearch, IssueState};
use crate::providers::gitlab::asked::SIZE;
use crate::providers::gitlab::{GitLab, convert, ids, wire};
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

pub async fn search(gitlab: Arc<GitLab>, request: Request<IssueSearch>) -> Result<Reply<Page<Issue>>, Failure> {
    let input = &request.input;
    let project = match &input.project {
        Some(_) => Some(ids::project("project", &request.native)?),
        None => None,
    };
    let outgoing = match project {
        Some(path) => gitlab.get(&["projects", path, "issues"])?,
        None => gitlab.get(&["issues"])?,
    };
    let state = match input.state {
        None => "all",
        Some(IssueState::Open) => "opened",
        Some(IssueState::Closed) => "closed",
    };
    let outgoing = outgoing
        .query("scope", "all")
        .query("state", state)
        .query("search", &*input.query);
    let issue = |at: &Arc<str>, row: Row<wire::Issue>| {
        // An issue of which nobody knows where it is cannot be named.
        let home = row.wire.home().or_else(|| project.map(str::to_owned))?;
        Some(convert::issue(at, &home, row))
    };
    gitlab.endpoint.page(outgoing, SIZE, &request, issue).await
}
