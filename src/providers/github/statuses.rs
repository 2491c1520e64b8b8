//! The requests that serve statuses of commits.
//!
//! Invariant: a status is set of a whole hash; GitHub knows none of a branch.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::lookup::{self, At, no_commit, pages, renamed, unread, unsupported};
use super::{GitHub, SIZE, convert, wire};
use crate::catalogue::git::{CombinedStatus, Status, StatusGet, StatusSet, StatusState};
use crate::providers::{Reply, Request};

/// As many as GitHub gives at once.
const MOST_ROWS: &str = "100";

pub async fn set(github: Arc<GitHub>, request: Request<StatusSet>) -> Result<Reply<Status>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let input = &request.input;
    let status = wire::NewStatus {
        state: state_word(input.state)?,
        context: &input.context,
        description: input.description.as_deref(),
        target_url: input.target_url.as_deref(),
    };
    let sha = lookup::commit(&github, repo, "commit", Some(&input.commit))
        .await
        .map_err(Failure::never_sent)?;
    let outgoing = github.endpoint.post(&repo.parts(&["statuses", &sha]), &status)?;
    let set = github
        .endpoint
        .answer(outgoing, &request, |_, row| convert::status(row));
    set.await
        .map_err(|failure| no_commit(renamed(failure, &[("if_match", "commit")]), "commit"))
}

fn state_word(state: StatusState) -> Result<&'static str, Failure> {
    Ok(match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
        StatusState::Running | StatusState::Warning | StatusState::Cancelled | StatusState::Skipped => {
            let sentence = "GitHub knows pending, success, failure and error";
            return Err(unsupported("state", sentence));
        }
    })
}

pub async fn get(github: Arc<GitHub>, request: Request<StatusGet>) -> Result<Reply<CombinedStatus>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let parts = repo.parts(&["commits", &request.input.commit, "status"]);
    let ask = || Ok(github.endpoint.get(&parts)?.query(SIZE, MOST_ROWS));
    let (pages, _) = match pages(&github, ask).await {
        Err(failure) => return Err(unread(&github, repo, failure, "commit").await),
        asked => asked?,
    };
    let first = pages[0].row::<wire::CombinedStatus>(request.include_raw)?;
    let mut statuses = vec![];
    let mut skipped = 0;
    for page in &pages {
        let rows: wire::CombinedStatus = page.json()?;
        let rows = page.rows_of::<wire::Status>(&rows.statuses, false)?;
        statuses.extend(rows.into_iter().map(convert::status));
        skipped += page.skipped();
    }
    let mut reply = pages[0].reply(convert::combined(statuses, first));
    reply.skipped = skipped;
    Ok(reply)
}
