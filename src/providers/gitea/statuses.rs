//! The requests that serve statuses of commits.
//!
//! Invariant: the combined state is found here from all pages; the server's own is that of one page.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::{Place, is_sha};
use super::refusal::{blaming, is};
use super::{Gitea, convert, pages, wire};
use crate::catalogue::git::{CombinedStatus, Status, StatusGet, StatusSet, StatusState};
use crate::providers::http::Received;
use crate::providers::{Reply, Request, forge};

/// Rows a page: the most that a server gives, unless it is configured otherwise.
const ROWS: usize = 50;
/// The most pages that are read: no commit has a thousand contexts.
const PAGES: usize = 20;

pub async fn set(gitea: Arc<Gitea>, request: Request<StatusSet>) -> Result<Reply<Status>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let (owner, name) = place;
    let input = &request.input;
    let unknown = || {
        let sentence = "this provider knows pending, success, warning, failure, error and, from Gitea 1.25 on, skipped";
        Failure::unsupported_field("state", sentence).never_sent()
    };
    let state = convert::word(input.state).ok_or_else(unknown)?;
    if input.state == StatusState::Skipped && gitea.server().await.is_gitea_before(1, 25) {
        return Err(unknown());
    }
    let sha = match is_sha(&input.commit) {
        true => input.commit.to_string(),
        false => {
            let found = gitea.commit_of(place, &input.commit, "commit", Kind::NotFound).await;
            found.map_err(Failure::never_sent)?
        }
    };
    let new = wire::NewStatus {
        state,
        context: &input.context,
        description: input.description.as_deref(),
        target_url: input.target_url.as_deref(),
    };
    let outgoing = gitea.endpoint.post(&["repos", owner, name, "statuses", &sha], &new)?;
    let received = match gitea.endpoint.send(outgoing).await {
        // Of a commit that it does not know, Gitea says 500, Forgejo 404.
        Err(failure) if is(&failure, &[400, 404, 422, 500]) => {
            gitea.commit_of(place, &sha, "commit", Kind::NotFound).await?;
            return Err(match is(&failure, &[422]) && failure.field.is_none() {
                true => blaming(
                    &failure,
                    Kind::InvalidInput,
                    "state",
                    "state is not accepted by the provider",
                ),
                false => failure,
            });
        }
        other => other?,
    };
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::status(row)))
}

pub async fn get(gitea: Arc<Gitea>, request: Request<StatusGet>) -> Result<Reply<CombinedStatus>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let commit = &request.input.commit;
    let first = match page(&gitea, place, commit, 1).await {
        Err(failure) if is(&failure, &[400, 404, 422, 500]) => {
            gitea.commit_of(place, commit, "commit", Kind::NotFound).await?;
            return Err(failure);
        }
        other => other?,
    };
    let raw = request.include_raw.then(|| first.raw()).transpose()?;
    let sha = first.json::<wire::Combined>()?.sha.filter(|sha| !sha.is_empty());
    let (mut statuses, mut skipped, mut seen, mut incomplete) = (vec![], 0, 0, false);
    let mut received = first;
    for number in 2.. {
        let rows = received.json::<wire::Combined>()?.statuses.unwrap_or_default();
        seen += rows.len();
        let read = received.rows_of(&rows, request.include_raw)?;
        statuses.extend(read.into_iter().map(convert::status));
        skipped += received.skipped();
        // A page that is shorter than asked for is no end (GT22); the body's count is that of the page.
        let over = pages::total(&received).is_some_and(|total| seen as u64 >= total);
        if rows.is_empty() || over {
            break;
        }
        if number > PAGES {
            incomplete = true;
            break;
        }
        received = page(&gitea, place, commit, number).await?;
    }
    let mut reply = received.reply(CombinedStatus {
        sha: sha.or_else(|| is_sha(commit).then(|| commit.to_string())),
        state: CombinedStatus::worst(&statuses),
        statuses,
        incomplete,
        raw,
    });
    reply.skipped = skipped;
    Ok(reply)
}

async fn page(gitea: &Gitea, (owner, name): Place<'_>, commit: &str, number: usize) -> Result<Received, Failure> {
    let outgoing = gitea
        .endpoint
        .get(&["repos", owner, name, "commits", commit, "status"])?;
    let outgoing = outgoing.query("page", number.to_string());
    gitea.endpoint.send(outgoing.query(pages::SIZE, ROWS.to_string())).await
}
