//! The requests that serve commits and comparisons.
//!
//! Invariant: an empty repository has no commits, and that is no failure (H12).

use std::sync::Arc;

use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};

use super::lookup::{self, At, pages, unread};
use super::{GitHub, SIZE, convert, wire};
use crate::catalogue::fields::Moment;
use crate::catalogue::git::{Commit, CommitGet, CommitList, Compare, CompareInput, Comparison};
use crate::catalogue::page::Page;
use crate::providers::{Reply, Request};

/// The most files of a commit that GitHub tells of.
const MOST_FILES: usize = 3000;

pub async fn list(github: Arc<GitHub>, request: Request<CommitList>) -> Result<Reply<Page<Commit>>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let input = &request.input;
    let outgoing = github
        .endpoint
        .get(&repo.parts(&["commits"]))?
        .query_if("sha", input.reference.as_deref())
        .query_if("path", input.path.as_deref())
        .query_if("since", utc("since", input.since.as_ref())?)
        .query_if("until", utc("until", input.until.as_ref())?);
    let commit = |_: &Arc<str>, row| Some(convert::commit(row));
    match github.endpoint.page(outgoing, SIZE, &request, commit).await {
        // Only a repository without any commit is refused so.
        Err(failure) if failure.kind == Kind::Conflict => Ok(Reply::of(Page::new(vec![], None))),
        Err(failure) if failure.kind == Kind::NotFound && input.reference.is_some() => {
            Err(unread(&github, repo, failure, "ref").await)
        }
        other => other,
    }
}

/// GitHub takes moments in UTC.
fn utc(field: &str, moment: Option<&Moment>) -> Result<Option<String>, Failure> {
    let read = |moment: &Moment| moment.parse::<Timestamp>();
    let odd = |_| Failure::invalid(field, format!("{field} must be a moment")).never_sent();
    let at = moment.map(read).transpose().map_err(odd)?;
    Ok(at.map(|at| at.to_string()))
}

pub async fn get(github: Arc<GitHub>, request: Request<CommitGet>) -> Result<Reply<Commit>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let parts = repo.parts(&["commits", &request.input.commit]);
    let (pages, more) = match pages(&github, || github.endpoint.get(&parts)).await {
        Err(failure) => return Err(unread(&github, repo, failure, "commit").await),
        asked => asked?,
    };
    let mut commit = convert::commit(pages[0].row(request.include_raw)?);
    for page in &pages[1..] {
        let further = convert::commit(page.row(false)?);
        let files = commit.files.get_or_insert_default();
        files.extend(further.files.unwrap_or_default());
    }
    // Files end there, and nothing says so (H6).
    let cut = more || commit.files.as_ref().is_some_and(|files| files.len() >= MOST_FILES);
    commit.files_incomplete = cut.then_some(true);
    Ok(pages[0].reply(commit))
}

pub async fn compare(github: Arc<GitHub>, request: Request<Compare>) -> Result<Reply<Comparison>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let (base, head) = (&*request.input.base, &*request.input.head);
    let both = format!("{base}...{head}");
    let outgoing = github.endpoint.get(&repo.parts(&["compare", &both]))?;
    let received = match github.endpoint.send(outgoing).await {
        Err(failure) if failure.kind == Kind::NotFound => {
            return Err(missing_end(&github, repo, &request, failure).await);
        }
        other => other?,
    };
    let row = received.row::<wire::Comparison>(request.include_raw)?;
    let commits = received.rows_of(&row.wire.commits, false)?;
    Ok(received.reply(convert::comparison(base, head, commits, row)))
}

/// Which of both ends is missing, where one is. One of a fork is not looked for.
async fn missing_end(github: &GitHub, repo: At<'_>, request: &Request<Compare>, failure: Failure) -> Failure {
    let CompareInput { base, head, .. } = &*request.input;
    for (field, name) in [("base", base), ("head", head)] {
        if name.contains(':') {
            continue;
        }
        if let Some(absent) = lookup::absent(github, repo, name).await {
            let absent = unread(github, repo, absent, field).await;
            if absent.kind == Kind::NotFound {
                return absent;
            }
        }
    }
    failure
}
