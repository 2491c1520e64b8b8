//! The requests that serve statuses of commits.
//!
//! Invariant: a status is set at a whole hash and says which branch it is of, so that it hangs on no other run.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::asked::{MOST, SIZE};
use super::{GitLab, convert, ids, wire};
use crate::catalogue::git::{CombinedStatus, Status, StatusGet, StatusSet};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// The most pages of statuses that are read, of a hundred each: no commit has so many contexts.
const STATUS_PAGES: usize = 5;
/// The longest name and the longest description of a status, in characters.
const LONGEST: usize = 255;

pub async fn get(gitlab: Arc<GitLab>, request: Request<StatusGet>) -> Result<Reply<CombinedStatus>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let commit = &*request.input.commit;
    // Some releases compare with what they are given instead of looking it up.
    let sha = match is_hash(commit) {
        true => commit.to_owned(),
        false => self::commit(&gitlab, path, commit).await?.id,
    };
    let (mut statuses, mut skipped) = (vec![], 0);
    let mut first: Option<Received> = None;
    let mut next: Option<String> = None;
    for page in 0..STATUS_PAGES {
        let outgoing = gitlab.get(&["projects", path, "repository", "commits", &sha, "statuses"])?;
        let received = gitlab
            .endpoint
            .send(outgoing.part(SIZE, Some(MOST), next.as_deref()))
            .await?;
        let rows = received.rows::<wire::Status>(request.include_raw)?;
        statuses.extend(rows.into_iter().map(convert::status));
        skipped += received.skipped();
        next = received.next_query();
        if page == 0 {
            first = Some(received);
        }
        if next.is_none() {
            break;
        }
    }
    let combined = CombinedStatus {
        sha: Some(sha),
        state: CombinedStatus::worst(&statuses),
        statuses,
        incomplete: next.is_some(),
        raw: None,
    };
    let mut reply = match first {
        Some(received) => received.reply(combined),
        None => Reply::of(combined),
    };
    reply.skipped = skipped;
    Ok(reply)
}

/// Whether it is a whole hash, of either of git's lengths.
fn is_hash(commit: &str) -> bool {
    matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn commit(gitlab: &GitLab, path: &str, commit: &str) -> Result<wire::Commit, Failure> {
    let outgoing = gitlab.get(&["projects", path, "repository", "commits", commit])?;
    let received = gitlab.endpoint.send(outgoing).await?;
    Ok(received.row::<wire::Commit>(false)?.wire)
}

pub async fn set(gitlab: Arc<GitLab>, request: Request<StatusSet>) -> Result<Reply<Status>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    let state = convert::state_word(input.state).ok_or_else(|| {
        let sentence = "this provider knows neither warning nor error of a status: say success or failure";
        Failure::unsupported_field("state", sentence).never_sent()
    })?;
    let texts = [
        ("context", Some(&input.context)),
        ("description", input.description.as_ref()),
    ];
    for (field, text) in texts {
        if text.is_some_and(|text| text.chars().count() > LONGEST) {
            let sentence = format!("{field} must be at most {LONGEST} characters at this provider");
            return Err(Failure::invalid(field, sentence).never_sent());
        }
    }
    let commit = self::commit(&gitlab, path, &input.commit)
        .await
        .map_err(Failure::never_sent)?;
    let of_run = commit.last_pipeline.and_then(|pipeline| pipeline.reference);
    let reference = match is_hash(&input.commit) {
        true => of_run,
        false => Some(input.commit.to_string()),
    };
    let status = wire::NewStatus {
        state,
        name: &input.context,
        reference: reference.as_deref(),
        description: input.description.as_deref(),
        target_url: input.target_url.as_deref(),
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "statuses", &commit.id], &status)?;
    let convert = |_: &Arc<str>, row: Row<wire::Status>| convert::status(row);
    match gitlab.endpoint.answer(outgoing, &request, convert).await {
        Err(failure) if failure.kind == Kind::Conflict && failure.field.as_deref() == Some("state") => {
            said_already(&gitlab, path, &commit.id, &request, failure).await
        }
        other => other,
    }
}

/// A status that is there already is refused: it is done. One that cannot go there is not.
async fn said_already(
    gitlab: &GitLab,
    path: &str,
    sha: &str,
    request: &Request<StatusSet>,
    failure: Failure,
) -> Result<Reply<Status>, Failure> {
    let outgoing = gitlab.get(&["projects", path, "repository", "commits", sha, "statuses"])?;
    let outgoing = outgoing
        .query("name", &*request.input.context)
        .query(SIZE, MOST.to_string());
    let received = gitlab.endpoint.send(outgoing).await?;
    let rows = received.rows::<wire::Status>(request.include_raw)?;
    let mut statuses = rows.into_iter().map(convert::status);
    let said = statuses.find(|status| status.context == *request.input.context && status.state == request.input.state);
    Ok(received.reply(said.ok_or(failure)?))
}
