//! The requests that merge a pull request.
//!
//! Invariant: a merge that GitHub refuses is a conflict of the pull request's state or a method that is switched off, never a
//! route that is missing (H3), and one that is done is never reported as refused for what failed behind it.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::{At, Numbered, instead, named, unsupported};
use super::{GitHub, pulls, refs, sayings, wire};
use crate::catalogue::git::{MergeMethod, MergeOutcome, Merged, PullMerge};
use crate::providers::{Reply, Request};

pub async fn merge(github: Arc<GitHub>, request: Request<PullMerge>) -> Result<Reply<Merged>, Failure> {
    let pull = Numbered::of("pr", &request.native)?;
    let input = &request.input;
    let branch = match input.delete_branch {
        Some(wanted) => doomed(&github, &pull, wanted).await.map_err(Failure::never_sent)?,
        None => None,
    };
    let body = wire::Merge {
        commit_title: input.title.as_deref(),
        commit_message: input.message.as_deref(),
        sha: input.if_match.as_deref(),
        merge_method: input.method.map(|method| match method {
            MergeMethod::Merge => "merge",
            MergeMethod::Squash => "squash",
            MergeMethod::Rebase => "rebase",
        }),
    };
    let outgoing = github.endpoint.put(&pull.parts("pulls", &["merge"]), &body)?;
    let received = match github.endpoint.send(outgoing).await {
        Err(failure) => return Err(unmerged(&github, &pull, failure).await),
        sent => sent?,
    };
    let row = received.row::<wire::MergeResult>(request.include_raw)?;
    if row.wire.merged == Some(false) {
        return Err(received.failure(Kind::Conflict, "GitHub did not merge it"));
    }
    if let Some((repo, branch)) = branch {
        clear(&github, &repo, &branch).await?;
    }
    Ok(received.reply(Merged {
        outcome: MergeOutcome::Merged,
        sha: row.wire.sha,
        raw: row.raw,
    }))
}

/// The branch that shall go afterwards, and its repository; none where it shall stay, or is gone.
async fn doomed(github: &GitHub, pull: &Numbered<'_>, wanted: bool) -> Result<Option<(String, String)>, Failure> {
    let (_, row) = pulls::one(github, pull, false).await?;
    let base = row.wire.base.as_ref().and_then(|base| base.repo.as_ref());
    match wanted {
        true => Ok(pulls::head_of(&row.wire)),
        false if base.and_then(|base| base.delete_branch_on_merge) == Some(true) => {
            let sentence = "the repository is set up to delete branches that are merged, which no caller can prevent";
            Err(unsupported("delete_branch", sentence))
        }
        false => Ok(None),
    }
}

/// Takes the branch away, unless the repository has done so itself.
async fn clear(github: &GitHub, repo: &str, branch: &str) -> Result<(), Failure> {
    let repo = At::of("head", repo)?;
    match refs::remove_branch(github, repo, branch).await {
        Err(failure) if failure.kind != Kind::NotFound => {
            // The cache and the caller must know that something was done.
            let sentence = format!("it is merged, but its branch is still there: {}", failure.message());
            let mut half = Failure::new(Kind::UpstreamFailed, sentence).not_usable().but_sound();
            half.provider = failure.provider;
            Err(named(half, "delete_branch"))
        }
        _ => Ok(()),
    }
}

/// 405 is the word for everything that is in the way, and no request that is missing; a way of merging that is switched off
/// names its field.
async fn unmerged(github: &GitHub, pull: &Numbered<'_>, failure: Failure) -> Failure {
    let failure = match (failure.kind, &failure.field) {
        (Kind::Unsupported, None) => instead(&failure, Kind::Conflict, sayings::NOT_MERGEABLE),
        _ => failure,
    };
    if failure.kind != Kind::Conflict || failure.message() != sayings::NOT_MERGEABLE {
        return failure;
    }
    // So it says as well of one that nothing is left to do with.
    let look = async { Ok(pulls::one(github, pull, false).await?.1.wire) };
    match github.endpoint.look(look).await {
        Some(now) if now.merged == Some(true) => instead(&failure, Kind::Conflict, "it is merged already"),
        Some(now) if now.state == "closed" => instead(&failure, Kind::Conflict, "it is closed"),
        _ => failure,
    }
}
