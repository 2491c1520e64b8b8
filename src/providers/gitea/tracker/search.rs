//! The request that finds issues.
//!
//! Invariant: within one project its own list is asked, so that another's issue is never found.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use crate::catalogue::Page;
use crate::catalogue::projects::{Issue, IssueSearch, IssueState};
use crate::providers::gitea::{Gitea, convert, pages, wire};
use crate::providers::http::Row;
use crate::providers::{Reply, Request, forge};

pub async fn search(gitea: Arc<Gitea>, request: Request<IssueSearch>) -> Result<Reply<Page<Issue>>, Failure> {
    let input = &request.input;
    let project = input.project.as_ref().map(|_| &*request.native);
    let parts = match project {
        Some(path) => {
            let (owner, name) = forge::project("project", path)?;
            vec!["repos", owner, name, "issues"]
        }
        None => vec!["repos", "issues", "search"],
    };
    let state = match input.state {
        None => "all",
        Some(IssueState::Open) => "open",
        Some(IssueState::Closed) => "closed",
    };
    let filters = [("type", "issues"), ("state", state), ("q", &*input.query)];
    let issue = |at: &Arc<str>, row: Row<wire::Issue>| {
        let its = row.wire.repository.as_ref().and_then(|repo| repo.full_name.clone());
        // An issue of which nobody knows where it is cannot be named.
        let home = its.or_else(|| project.map(str::to_owned))?;
        (row.wire.pull_request.is_none()).then(|| convert::issue(at, &home, row))
    };
    pages::list(&gitea, &parts, &filters, &request, issue).await
}
