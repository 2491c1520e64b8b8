//! Merging, and why it was refused.
//!
//! Invariant: what GitLab answers to a merge is told apart by what stands there, which is read after a refusal; a credential
//! is called refused only where it is refused that, too.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::asked::means;
use super::{GitLab, convert, ids, wire};
use crate::catalogue::git::{MergeMethod, Mergeable, Merged, PullMerge, PullMergeInput, PullState};
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

/// As long as GitLab takes to look into one again.
const SOON: Duration = Duration::from_secs(2);

pub async fn merge(gitlab: Arc<GitLab>, request: Request<PullMerge>) -> Result<Reply<Merged>, Failure> {
    let (path, iid) = ids::pull(&request.native)?;
    let input = &request.input;
    if input.method == Some(MergeMethod::Rebase) {
        let sentence = "whether this provider merges by a rebase is a setting of the repository";
        return Err(Failure::unsupported_field("method", sentence).never_sent());
    }
    let squash = input.method.map(|method| method == MergeMethod::Squash);
    let message = message(input)?;
    let merge = wire::Merge {
        squash,
        merge_commit_message: message.as_deref().filter(|_| squash != Some(true)),
        squash_commit_message: message.as_deref().filter(|_| squash == Some(true)),
        sha: input.if_match.as_deref(),
        should_remove_source_branch: input.delete_branch,
    };
    let outgoing = gitlab.with(
        Method::PUT,
        &["projects", path, "merge_requests", &iid, "merge"],
        &merge,
    )?;
    let received = match gitlab.endpoint.send(outgoing).await {
        Ok(received) => received,
        Err(failure) => return Err(refused(&gitlab, path, &iid, input, failure).await),
    };
    let row: Row<wire::MergeRequest> = received.row(request.include_raw)?;
    if is_given_up(&row.wire) {
        let sentence = "the merge was begun and given up: it is closed, or what it changes cannot be merged";
        return Err(received.failure(Kind::Conflict, sentence));
    }
    Ok(received.reply(convert::merged(row)))
}

/// Whether it will not be merged by itself any more, though the order was taken.
fn is_given_up(wire: &wire::MergeRequest) -> bool {
    let failed = wire.merge_error.as_deref().is_some_and(|error| !error.is_empty());
    let cannot = wire.merge_status.as_deref() == Some("cannot_be_merged");
    wire.state == "closed" || (wire.state == "opened" && (failed || cannot))
}

/// The message of the commit that it makes: GitLab takes it whole.
fn message(input: &PullMergeInput) -> Result<Option<String>, Failure> {
    match (&input.title, &input.message) {
        (Some(title), Some(message)) => Ok(Some(format!("{}\n\n{}", &**title, &**message))),
        (Some(title), None) => Ok(Some(title.to_string())),
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let sentence = "this provider takes a message only together with its headline: give title, too";
            Err(Failure::unsupported_field("message", sentence).never_sent())
        }
    }
}

/// What the refusal of a merge means.
async fn refused(gitlab: &GitLab, path: &str, iid: &str, input: &PullMergeInput, failure: Failure) -> Failure {
    match failure.kind {
        Kind::Conflict if input.if_match.is_some() && !failure.retryable => {
            match gitlab.merge_request(path, iid).await {
                Ok(now) if now.sha.as_deref() != input.if_match.as_deref() => {
                    let sentence = "the head is at another commit by now";
                    means(&failure, Kind::PreconditionFailed, Some("if_match"), sentence)
                }
                _ => failure,
            }
        }
        // Who may not merge is answered as if the credential were wrong.
        Kind::UpstreamAuth => match gitlab.merge_request(path, iid).await {
            Ok(_) => means(
                &failure,
                Kind::Forbidden,
                None,
                "our credential may not merge into this branch",
            ),
            Err(_) => failure,
        },
        // As 405 it says that it cannot be merged now, whatever the reason, unless it names one.
        Kind::Unsupported if failure.field.is_none() => match gitlab.merge_request(path, iid).await {
            Ok(wire) => not_now(&failure, wire),
            Err(_) => means(&failure, Kind::Conflict, None, "it cannot be merged as it is"),
        },
        _ => failure,
    }
}

/// Why one cannot be merged now, by what is said of it afterwards.
fn not_now(failure: &Failure, wire: wire::MergeRequest) -> Failure {
    let merging = wire.state == "locked";
    let pull = convert::pull("", "", Row { wire, raw: None });
    let (sentence, soon) = match (pull.state, pull.mergeable) {
        (PullState::Merged, _) => ("it is merged already", false),
        (PullState::Closed, _) => ("it is closed", false),
        (PullState::Open, _) if merging => ("it is being merged at this moment", true),
        (PullState::Open, Some(Mergeable::Conflict)) => ("its changes and its base's contradict each other", false),
        (PullState::Open, Some(Mergeable::Blocked)) => ("rules of the repository are not met, or it is a draft", false),
        // By now it can be, or will be found to be so.
        (PullState::Open, Some(Mergeable::Yes | Mergeable::Unknown) | None) => {
            ("the provider has not found out yet whether it can be merged", true)
        }
    };
    let mut meant = means(failure, Kind::Conflict, None, sentence);
    meant.retryable = soon;
    meant.retry_after = soon.then_some(SOON);
    // Nothing was done: it may be asked for again.
    meant.unsent = soon;
    meant
}
