//! The requests that serve branches and tags.
//!
//! Invariant: a branch or a tag is there when its reference is; a tag object alone is none.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::{self, At, renamed, slashed, unread};
use super::{GitHub, SIZE, convert, wire};
use crate::catalogue::git::{Branch, BranchCreate, BranchDelete, BranchList, Tag, TagCreate, TagList};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::page::Page;
use crate::providers::http::Received;
use crate::providers::{Reply, Request};

pub async fn branch_list(github: Arc<GitHub>, request: Request<BranchList>) -> Result<Reply<Page<Branch>>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let outgoing = github.endpoint.get(&repo.parts(&["branches"]))?;
    let branch = |_: &Arc<str>, row| Some(convert::branch(row));
    github.endpoint.page(outgoing, SIZE, &request, branch).await
}

pub async fn branch_create(github: Arc<GitHub>, request: Request<BranchCreate>) -> Result<Reply<Branch>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let input = &request.input;
    slashed("branch", &input.branch)?;
    let from = lookup::commit(&github, repo, "from", input.from.as_deref())
        .await
        .map_err(Failure::never_sent)?;
    let names = [("ref", "branch"), ("if_match", "from")];
    let received = point(&github, repo, format!("refs/heads/{}", &*input.branch), &from, &names).await?;
    let made = received.row::<wire::Ref>(request.include_raw)?;
    Ok(received.reply(Branch {
        name: input.branch.to_string(),
        sha: made.wire.object.sha,
        protected: None,
        raw: made.raw,
    }))
}

/// Makes a reference; `names` are the caller's of what GitHub blames.
async fn point(
    github: &GitHub,
    repo: At<'_>,
    name: String,
    sha: &str,
    names: &[(&str, &str); 2],
) -> Result<Received, Failure> {
    let body = wire::NewRef { name, sha };
    let outgoing = github.endpoint.post(&repo.parts(&["git", "refs"]), &body)?;
    github
        .endpoint
        .send(outgoing)
        .await
        .map_err(|failure| renamed(failure, names))
}

pub async fn branch_delete(github: Arc<GitHub>, request: Request<BranchDelete>) -> Result<Reply<Deleted>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let received = remove_branch(&github, repo, &request.input.branch).await?;
    Ok(received.reply(Deleted::done()))
}

/// Takes a branch away.
///
/// # Errors
/// `not_found` on `branch` where it is not there, which GitHub refuses as it refuses to let go of a protected one (H18).
pub async fn remove_branch(github: &GitHub, repo: At<'_>, branch: &str) -> Result<Received, Failure> {
    let mut parts = repo.parts(&["git", "refs", "heads"]);
    parts.extend(slashed("branch", branch)?);
    match github.endpoint.send(github.endpoint.delete(&parts)?).await {
        Err(failure) if failure.kind == Kind::Conflict => Err(unread(github, repo, failure, "branch").await),
        other => other.map_err(|failure| renamed(failure, &[("ref", "branch")])),
    }
}

pub async fn tag_list(github: Arc<GitHub>, request: Request<TagList>) -> Result<Reply<Page<Tag>>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let outgoing = github.endpoint.get(&repo.parts(&["tags"]))?;
    let tag = |_: &Arc<str>, row| Some(convert::tag(row));
    github.endpoint.page(outgoing, SIZE, &request, tag).await
}

/// A tag with a message is an object of its own, which is made first (H25): where its reference cannot be made then, it
/// stays behind, and leads nowhere.
pub async fn tag_create(github: Arc<GitHub>, request: Request<TagCreate>) -> Result<Reply<Tag>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let input = &request.input;
    slashed("tag", &input.tag)?;
    let commit = lookup::commit(&github, repo, "target", input.target.as_deref())
        .await
        .map_err(Failure::never_sent)?;
    let object = match input.message.as_deref() {
        Some(message) => Some(annotate(&github, repo, &input.tag, message, &commit).await?),
        None => None,
    };
    let sha = object.as_deref().unwrap_or(&commit);
    let names = [("ref", "tag"), ("if_match", "target")];
    let received = point(&github, repo, format!("refs/tags/{}", &*input.tag), sha, &names).await?;
    let made = received.row::<wire::Ref>(request.include_raw)?;
    Ok(received.reply(Tag {
        name: input.tag.to_string(),
        sha: commit,
        message: input.message.as_deref().map(str::to_owned),
        raw: made.raw,
    }))
}

/// The hash of a new tag object.
async fn annotate(github: &GitHub, repo: At<'_>, tag: &str, message: &str, commit: &str) -> Result<String, Failure> {
    let body = wire::NewTag {
        tag,
        message,
        object: commit,
        kind: "commit",
    };
    let outgoing = github.endpoint.post(&repo.parts(&["git", "tags"]), &body)?;
    let blame = |failure| renamed(failure, &[("object", "target")]);
    let received = github.endpoint.send(outgoing).await.map_err(blame)?;
    received.json::<wire::Object>().map(|object| object.sha)
}
