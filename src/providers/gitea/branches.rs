//! The requests that serve branches and tags.
//!
//! Invariant: what a new one begins at is known before it is made.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::refusal::{PROTECTED, blaming, instead, is, is_unexplained, taken};
use super::{Gitea, convert, pages, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Branch, BranchCreate, BranchDelete, BranchList, Tag, TagCreate, TagList};
use crate::catalogue::outcome::Deleted;
use crate::providers::forge;
use crate::providers::{Reply, Request};

pub async fn list(gitea: Arc<Gitea>, request: Request<BranchList>) -> Result<Reply<Page<Branch>>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let parts = ["repos", owner, name, "branches"];
    pages::list(&gitea, &parts, &[], &request, |_, row| Some(convert::branch(row))).await
}

/// Gitea answers with 500 where it does not know what to begin at: that is looked up first.
pub async fn create(gitea: Arc<Gitea>, request: Request<BranchCreate>) -> Result<Reply<Branch>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let (owner, name) = place;
    let input = &request.input;
    let from = match &input.from {
        Some(from) => Some(gitea.commit_of(place, from, "from", Kind::Conflict).await),
        None => None,
    };
    let new = wire::NewBranch {
        new_branch_name: &input.branch,
        old_ref_name: from.transpose().map_err(Failure::never_sent)?,
    };
    let outgoing = gitea.endpoint.post(&["repos", owner, name, "branches"], &new)?;
    let received = match gitea.endpoint.send(outgoing).await {
        Err(failure) if is(&failure, &[404]) => {
            return Err(gitea.missing(place, failure, "from", Kind::Conflict).await);
        }
        other => other.map_err(|failure| match failure.kind {
            Kind::InvalidInput => {
                let sentence = "branch is not accepted by the provider";
                blaming(&failure, Kind::InvalidInput, "branch", sentence)
            }
            _ => taken(
                failure,
                "branch",
                "branch: there is one of this name already, or one in its way",
            ),
        })?,
    };
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::branch(row)))
}

pub async fn delete(gitea: Arc<Gitea>, request: Request<BranchDelete>) -> Result<Reply<Deleted>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let (owner, name) = place;
    let parts = ["repos", owner, name, "branches", &request.input.branch];
    let received = match gitea.endpoint.send(gitea.endpoint.delete(&parts)?).await {
        Err(failure) if is(&failure, &[404]) => {
            return Err(gitea.missing(place, failure, "branch", Kind::NotFound).await);
        }
        Err(failure) if is_unexplained(&failure) => {
            let protected = async { Ok(gitea.is_protected(place, &request.input.branch).await) };
            let sentence = match gitea.endpoint.look(protected).await {
                Some(true) => PROTECTED,
                _ => "branch is the default one or a protected one, or our credential may not write there",
            };
            return Err(blaming(&failure, Kind::Forbidden, "branch", sentence));
        }
        other => other?,
    };
    Ok(received.reply(Deleted::done()))
}

pub async fn tag_list(gitea: Arc<Gitea>, request: Request<TagList>) -> Result<Reply<Page<Tag>>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let parts = ["repos", owner, name, "tags"];
    pages::list(&gitea, &parts, &[], &request, |_, row| Some(convert::tag(row))).await
}

pub async fn tag_create(gitea: Arc<Gitea>, request: Request<TagCreate>) -> Result<Reply<Tag>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let (owner, name) = place;
    let input = &request.input;
    let new = wire::NewTag {
        tag_name: &input.tag,
        message: input.message.as_deref().filter(|message| !message.is_empty()),
        target: input.target.as_deref(),
    };
    let outgoing = gitea.endpoint.post(&["repos", owner, name, "tags"], &new)?;
    let received = match gitea.endpoint.send(outgoing).await {
        Err(failure) if is(&failure, &[404]) => {
            return Err(gitea.missing(place, failure, "target", Kind::Conflict).await);
        }
        other => other.map_err(|failure| tag_refused(&failure))?,
    };
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::tag(row)))
}

fn tag_refused(failure: &Failure) -> Failure {
    if is(failure, &[405]) {
        return instead(
            failure,
            Kind::Forbidden,
            "the tag is protected, and this is not allowed there",
        );
    }
    if is(failure, &[422]) && failure.kind == Kind::InvalidInput {
        return blaming(
            failure,
            Kind::InvalidInput,
            "tag",
            "tag is not accepted by the provider",
        );
    }
    taken(
        failure.clone(),
        "tag",
        "tag: there is one of this name already, or no commit yet",
    )
}
