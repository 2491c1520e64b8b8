//! The request that merges a pull request.
//!
//! Invariant: what Gitea's answer leaves open is read from the pull request before it is reported.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::{Place, numbered};
use super::refusal::{Says, blaming, instead, is, told};
use super::{Gitea, wire};
use crate::catalogue::git::{MergeMethod, MergeOutcome, Merged, PullMerge, PullMergeInput};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// How often a merge is asked for that was refused because the server had not found out yet whether it is possible.
const MOST_TRIES: usize = 3;
/// When to come back where it has still not: such a check takes a moment, or minutes where many wait.
const CHECKED: Duration = Duration::from_secs(1);

/// What a merge that was asked for came to.
enum Came {
    /// The server has taken it.
    Taken(Box<Received>),
    /// It failed, and is merged all the same.
    AllTheSame(Box<Row<wire::Pull>>),
}

pub async fn merge(gitea: Arc<Gitea>, request: Request<PullMerge>) -> Result<Reply<Merged>, Failure> {
    let (_, place, number) = numbered("pr", &request.native)?;
    let input = &request.input;
    let how = how(&gitea, place, &number, input.method)
        .await
        .map_err(Failure::never_sent)?;
    let merge = wire::Merge {
        how: &how,
        title: input.title.as_deref(),
        message: input.message.as_deref(),
        head_commit_id: input.if_match.as_deref(),
        delete_branch_after_merge: input.delete_branch,
    };
    match ask(&gitea, place, &number, &merge, &request).await? {
        // Nothing is in that answer, not even the commit; but its status tells what is only planned (GT2).
        Came::Taken(received) => {
            let planned = received.is_created();
            let read = gitea.pull_row(place, &number, request.include_raw).await;
            Ok(received.reply(outcome(planned, read.ok())))
        }
        Came::AllTheSame(row) => Ok(Reply::of(outcome(false, Some(*row)))),
    }
}

/// What has become of it. Where it cannot be read, or is read before it is up to date, only the commit is not known; what
/// was `planned` may be done by now.
fn outcome(planned: bool, row: Option<Row<wire::Pull>>) -> Merged {
    let (pull, raw) = row.map_or((None, None), |Row { wire, raw }| (Some(wire), raw));
    let merged = pull.filter(|pull| pull.merged);
    Merged {
        outcome: match planned && merged.is_none() {
            true => MergeOutcome::Scheduled,
            false => MergeOutcome::Merged,
        },
        sha: merged
            .and_then(|pull| pull.merge_commit_sha)
            .filter(|sha| !sha.is_empty()),
        raw,
    }
}

/// Gitea's word for how it is merged; where nobody says, the repository does.
async fn how(gitea: &Gitea, place: Place<'_>, number: &str, method: Option<MergeMethod>) -> Result<String, Failure> {
    let word = match method {
        Some(MergeMethod::Merge) => "merge",
        Some(MergeMethod::Squash) => "squash",
        Some(MergeMethod::Rebase) => "rebase",
        None => {
            let base = gitea.pull(place, number).await?.base.unwrap_or_default();
            let style = base.repo.and_then(|repo| repo.default_merge_style);
            let known = ["merge", "rebase", "rebase-merge", "squash", "fast-forward-only"];
            let style = style.filter(|style| known.contains(&style.as_str()));
            return Ok(style.unwrap_or_else(|| "merge".to_owned()));
        }
    };
    Ok(word.to_owned())
}

/// Asks for the merge; once more where the server has meanwhile found out that it is possible.
async fn ask(
    gitea: &Gitea,
    place: Place<'_>,
    number: &str,
    merge: &wire::Merge<'_>,
    request: &Request<PullMerge>,
) -> Result<Came, Failure> {
    let (owner, name) = place;
    let input = &request.input;
    let mut tries = 1;
    loop {
        let outgoing = gitea
            .endpoint
            .post(&["repos", owner, name, "pulls", number, "merge"], merge)?;
        let failure = match gitea.endpoint.send(outgoing).await {
            Ok(received) => return Ok(Came::Taken(Box::new(received))),
            Err(failure) => failure,
        };
        // No answer at all tells nothing of what will be.
        let Some(told) = told(&failure) else {
            return Err(failure);
        };
        if told.says == Says::HeadMoved && input.if_match.is_some() {
            return Err(head_moved(&failure));
        }
        let Ok(row) = gitea.pull_row(place, number, request.include_raw).await else {
            return Err(failure);
        };
        let possible = row.wire.mergeable == Some(true) && !row.wire.merged;
        if told.says == Says::TryLater && possible && tries < MOST_TRIES {
            tries += 1;
            continue;
        }
        return judged(failure, told.says, input, row);
    }
}

fn head_moved(failure: &Failure) -> Failure {
    let sentence = "if_match: the head is at another commit by now";
    blaming(failure, Kind::PreconditionFailed, "if_match", sentence)
}

/// What a refusal means for a pull request that is as the row tells.
fn judged(failure: Failure, says: Says, input: &PullMergeInput, row: Row<wire::Pull>) -> Result<Came, Failure> {
    let now = &row.wire;
    let conflict = |sentence: &str| instead(&failure, Kind::Conflict, sentence);
    // It was done, and what came after failed; or somebody else did it.
    if now.merged && failure.kind == Kind::UpstreamFailed {
        return Ok(Came::AllTheSame(Box::new(row)));
    }
    if now.merged {
        return Err(conflict("it is merged already"));
    }
    if now.state.as_deref() == Some("closed") {
        return Err(conflict("it is closed"));
    }
    let head = now.head.as_ref().and_then(|head| head.sha.as_deref());
    if let (Some(version), Some(head)) = (input.if_match.as_deref(), head)
        && is(&failure, &[409])
        && !head.eq_ignore_ascii_case(version)
    {
        return Err(head_moved(&failure));
    }
    Err(match says {
        Says::Draft => conflict("it is a draft"),
        _ if is(&failure, &[405]) && now.draft == Some(true) => conflict("it is a draft"),
        Says::TryLater => {
            let mut later =
                conflict("its changes contradict its base, or the server has not found out yet whether they do");
            later.retryable = true;
            // It was refused: whoever asks again does nothing twice.
            later.after(CHECKED).never_sent()
        }
        Says::MayNotMerge => instead(&failure, Kind::Forbidden, "the account may not merge into this branch"),
        Says::MergeStyle => {
            let sentence = "the repository does not allow this way of merging";
            blaming(&failure, Kind::Unsupported, "method", sentence)
        }
        Says::Dependencies => conflict("it waits for others to be closed"),
        _ if is(&failure, &[405]) => conflict("a rule of the base's branch is not met, or forbids it"),
        _ if is(&failure, &[409]) => conflict("its changes contradict its base, or that has moved meanwhile"),
        _ => failure,
    })
}
