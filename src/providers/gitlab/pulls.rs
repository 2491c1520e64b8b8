//! The requests that serve merge requests: what they are, and what they change.
//!
//! Invariant: a description goes without commands, and a draft stays one unless the caller says otherwise.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::asked::SIZE;
use super::{GitLab, convert, ids, quick, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{
    FileChange, Pull, PullChange, PullCreate, PullFiles, PullFilter, PullGet, PullList, PullUpdate,
};
use crate::providers::forge;
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

impl GitLab {
    /// What is said of a merge request.
    pub async fn merge_request(&self, path: &str, iid: &str) -> Result<wire::MergeRequest, Failure> {
        let (_, row) = one(self, path, iid, false).await?;
        Ok(row.wire)
    }
}

/// A merge request as it is now.
async fn one(
    gitlab: &GitLab,
    path: &str,
    iid: &str,
    include_raw: bool,
) -> Result<(Received, Row<wire::MergeRequest>), Failure> {
    let outgoing = gitlab.get(&["projects", path, "merge_requests", iid])?;
    let received = gitlab.endpoint.send(outgoing).await?;
    let row = received.row(include_raw)?;
    Ok((received, row))
}

pub async fn list(gitlab: Arc<GitLab>, request: Request<PullList>) -> Result<Reply<Page<Pull>>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    // No branch's name holds a colon.
    if input.head.as_ref().is_some_and(|head| head.contains(':')) {
        let sentence = "this provider cannot be asked for the merge requests of one fork";
        return Err(Failure::unsupported_field("head", sentence).never_sent());
    }
    let outgoing = gitlab
        .get(&["projects", path, "merge_requests"])?
        .query("scope", "all")
        .query("state", state_word(input.state))
        .query("order_by", "created_at")
        .query("sort", "desc")
        .query_if("source_branch", input.head.as_deref())
        .query_if("target_branch", input.base.as_deref());
    if input.head.is_none() {
        return gitlab
            .list(outgoing, &request, |at, row| convert::listed(at, path, row))
            .await;
    }
    // Forks have branches of the same name: they are listed, too, and counted.
    let own = |at: &Arc<str>, row: Row<wire::MergeRequest>| {
        let here = row.wire.source_project_id == row.wire.target_project_id;
        here.then(|| convert::listed(at, path, row))
    };
    gitlab.endpoint.page(outgoing, SIZE, &request, own).await
}

fn state_word(filter: PullFilter) -> &'static str {
    match filter {
        PullFilter::Open => "opened",
        PullFilter::Closed => "closed",
        PullFilter::Merged => "merged",
        PullFilter::All => "all",
    }
}

pub async fn get(gitlab: Arc<GitLab>, request: Request<PullGet>) -> Result<Reply<Pull>, Failure> {
    let (path, iid) = ids::pull(&request.native)?;
    // GL5: the first reading sets GitLab looking whether it can be merged.
    let read = || one(&gitlab, path, &iid, request.include_raw);
    let (received, row) = forge::looked_into(read, |(_, row)| !convert::is_looked_into(&row.wire)).await?;
    Ok(received.reply(convert::pull(&request.instance, path, row)))
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<PullCreate>) -> Result<Reply<Pull>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    // One is opened where its branch is, and told where it shall go.
    let source = match &input.head_repo {
        Some(fork) => ids::project("head_repo", fork)?,
        None => path,
    };
    let target = match input.base.is_none() || source != path {
        true => Some(gitlab.project(path).await.map_err(Failure::never_sent)?),
        false => None,
    };
    let default = target.as_ref().and_then(|project| project.default_branch.clone());
    let base = input.base.as_deref().map(str::to_owned).or(default).ok_or_else(|| {
        let sentence = "the repository is empty and has no default branch yet: nothing can be merged into it";
        Failure::new(Kind::Conflict, sentence)
            .by(&request.instance)
            .never_sent()
    })?;
    let title = match input.draft {
        Some(draft) => quick::marked(&input.title, draft),
        None => input.title.to_string(),
    };
    let merge_request = wire::NewMergeRequest {
        title: &title,
        source_branch: &input.head,
        target_branch: &base,
        target_project_id: target.map(|project| project.id).filter(|id| source != path && *id > 0),
        description: input.body.as_deref().map(quick::inert),
    };
    let outgoing = gitlab.with(Method::POST, &["projects", source, "merge_requests"], &merge_request)?;
    let convert = |at: &Arc<str>, row| convert::pull(at, path, row);
    gitlab.endpoint.answer(outgoing, &request, convert).await
}

pub async fn update(gitlab: Arc<GitLab>, request: Request<PullUpdate>) -> Result<Reply<Pull>, Failure> {
    let (path, iid) = ids::pull(&request.native)?;
    let input = &request.input;
    let change = wire::Change {
        title: title(&gitlab, path, &iid, input.title.as_deref(), input.draft).await?,
        description: input.body.as_deref().map(quick::inert),
        state_event: input.state.map(|state| match state {
            PullChange::Open => "reopen",
            PullChange::Closed => "close",
        }),
        target_branch: input.base.as_deref(),
    };
    let outgoing = gitlab.with(Method::PUT, &["projects", path, "merge_requests", &iid], &change)?;
    let received = gitlab.endpoint.send(outgoing).await?;
    let row: Row<wire::MergeRequest> = received.row(request.include_raw)?;
    // GitLab overlooks the order then, and answers as if it were done.
    if input.state.is_some() && row.wire.state == MERGED {
        let others = change.title.is_some() || change.description.is_some() || change.target_branch.is_some();
        let sentence = match others {
            true => "its state cannot be changed: it is merged; what else was asked for is done",
            false => "its state cannot be changed: it is merged",
        };
        let mut failure = received.failure(Kind::Conflict, sentence);
        failure.field = Some(Arc::from("state"));
        return Err(failure);
    }
    Ok(received.reply(convert::pull(&request.instance, path, row)))
}

/// GitLab's word for what is merged.
const MERGED: &str = "merged";

/// The new title: whether it is a draft is a part of it, so that the one is not changed without the other.
async fn title(
    gitlab: &GitLab,
    path: &str,
    iid: &str,
    title: Option<&str>,
    draft: Option<bool>,
) -> Result<Option<String>, Failure> {
    if let (Some(title), Some(draft)) = (title, draft) {
        return Ok(Some(quick::marked(title, draft)));
    }
    if title.is_none() && draft.is_none() {
        return Ok(None);
    }
    let now = gitlab.merge_request(path, iid).await.map_err(Failure::never_sent)?;
    let draft = draft.unwrap_or_else(|| convert::is_draft(&now));
    Ok(Some(match title {
        // A title that says draft by itself makes it one.
        Some(title) if !draft => title.to_owned(),
        title => quick::marked(title.unwrap_or(&now.title), draft),
    }))
}

pub async fn files(gitlab: Arc<GitLab>, request: Request<PullFiles>) -> Result<Reply<Page<FileChange>>, Failure> {
    let (path, iid) = ids::pull(&request.native)?;
    let outgoing = gitlab.get(&["projects", path, "merge_requests", &iid, "diffs"])?;
    let change = |_: &str, row: Row<wire::Diff>| convert::change(row.wire);
    gitlab.list(outgoing, &request, change).await
}
