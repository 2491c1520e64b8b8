//! The requests that serve commits.
//!
//! Invariant: what a release ignores of a question is asked of its answer once more here: times and paths.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use url::form_urlencoded::Serializer;

use super::lookup::Place;
use super::refusal::is;
use super::{Gitea, convert, pages, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Commit, CommitGet, CommitList, Compare, Comparison};
use crate::providers::forge;
use crate::providers::http::Received;
use crate::providers::{Reply, Request};

/// Rows that a server gives of the commits of one path, whatever it is asked for.
const ROWS_OF_PATH: u64 = 50;

/// What takes a server's time and is not told of in lists.
const WITHOUT: [(&str, &str); 3] = [("stat", "false"), ("verification", "false"), ("files", "false")];

pub async fn list(gitea: Arc<Gitea>, request: Request<CommitList>) -> Result<Reply<Page<Commit>>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let asked = match request.input.path {
        None => all(&gitea, place, &request).await,
        Some(_) => of_path(&gitea, place, &request).await,
    };
    match asked {
        // There are none yet.
        Err(failure) if is(&failure, &[409]) => Ok(Reply::of(Page::new(vec![], None))),
        Err(failure) if is(&failure, &[404, 500]) => none_there(&gitea, place, &request, failure).await,
        other => other,
    }
}

/// Releases answer with 404 or 500 where they do not know the ref, and with 404 where no commit changes the path.
async fn none_there(
    gitea: &Gitea,
    place: Place<'_>,
    request: &Request<CommitList>,
    failure: Failure,
) -> Result<Reply<Page<Commit>>, Failure> {
    let input = &request.input;
    match &input.reference {
        Some(reference) => drop(gitea.commit_of(place, reference, "ref", Kind::NotFound).await?),
        None => drop(gitea.repo(place).await?),
    }
    match input.path.is_some() && is(&failure, &[404]) {
        true => Ok(Reply::of(Page::new(vec![], None))),
        false => Err(failure),
    }
}

fn filters(request: &Request<CommitList>) -> Vec<(&str, &str)> {
    let input = &request.input;
    let given = [
        ("sha", input.reference.as_deref()),
        ("path", input.path.as_deref()),
        ("since", input.since.as_deref()),
        ("until", input.until.as_deref()),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.chain(WITHOUT).collect()
}

async fn all(
    gitea: &Gitea,
    (owner, name): Place<'_>,
    request: &Request<CommitList>,
) -> Result<Reply<Page<Commit>>, Failure> {
    let parts = ["repos", owner, name, "commits"];
    let part = pages::part(gitea, &parts, &filters(request), request).await?;
    let rows = part.received.rows(request.include_raw)?;
    let next = part.next(rows.len());
    let items = rows.into_iter().map(|row| convert::commit(false, row)).collect();
    Ok(part.received.reply(within(request, items, next, &part.received)))
}

/// Commits of one path come in pages of one size, and releases before 1.23 give rows of the pages before once more at
/// the end: what is above that size is theirs. The caller's own pages are cut from these; a cursor is the number of the
/// provider's page, and how many rows of it are done with.
async fn of_path(
    gitea: &Gitea,
    (owner, name): Place<'_>,
    request: &Request<CommitList>,
) -> Result<Reply<Page<Commit>>, Failure> {
    let cursor = request.cursor().unwrap_or_default();
    let known = |name: &str| pages::number(cursor, name);
    let (number, skip) = (known("page").unwrap_or(1), known("skip").unwrap_or_default());
    let limit = known("limit").or(request.limit().map(u64::from));
    let query = Serializer::new(String::new())
        .extend_pairs(filters(request))
        .append_pair("page", &number.to_string())
        .append_pair(pages::SIZE, &ROWS_OF_PATH.to_string())
        .finish();
    let outgoing = gitea
        .endpoint
        .get(&["repos", owner, name, "commits"])?
        .continued(&query);
    let received = gitea.endpoint.send(outgoing).await?;
    let mut rows = received.rows(request.include_raw)?;
    rows.truncate(ROWS_OF_PATH as usize);
    let there = rows.len() as u64;
    let end = limit.map_or(there, |limit| skip.saturating_add(limit)).min(there);
    let before = number.saturating_sub(1).saturating_mul(ROWS_OF_PATH);
    let more_pages = match pages::total(&received) {
        Some(total) => there > 0 && before.saturating_add(ROWS_OF_PATH) < total,
        None => there == ROWS_OF_PATH,
    };
    let next = match (end < there, more_pages) {
        (true, _) => Some((number, end)),
        (false, true) => Some((number.saturating_add(1), 0)),
        (false, false) => None,
    };
    let next = next.map(|(number, skip)| {
        let size = limit.map(|limit| format!("&limit={limit}")).unwrap_or_default();
        format!("page={number}&skip={skip}{size}")
    });
    let rows = rows.into_iter().take(end as usize).skip(skip as usize);
    let items = rows.map(|row| convert::commit(false, row)).collect();
    Ok(received.reply(within(request, items, next, &received)))
}

/// The commits of a page that were asked for, each once. Servers before 1.25, and Forgejo, do not look at times.
fn within(
    request: &Request<CommitList>,
    mut items: Vec<Commit>,
    next: Option<String>,
    received: &Received,
) -> Page<Commit> {
    let moment = |text: Option<&str>| text.and_then(|text| text.parse::<Timestamp>().ok());
    let since = moment(request.input.since.as_deref());
    let until = moment(request.input.until.as_deref());
    let mut seen = HashSet::new();
    items.retain(|commit| seen.insert(commit.sha.clone()));
    let is_older = |commit: &Commit| {
        let at = convert::commit_time(commit);
        since.zip(at).is_some_and(|(since, at)| at < since)
    };
    // The newest come first: behind a page of older ones there is nothing that was asked for.
    let over = !items.is_empty() && items.iter().all(is_older);
    items.retain(|commit| {
        let at = convert::commit_time(commit);
        !is_older(commit) && until.zip(at).is_none_or(|(until, at)| at <= until)
    });
    Page {
        // Of a server that does not look at times, it would count what is left out here.
        total: pages::total(received).filter(|_| since.is_none() && until.is_none()),
        ..Page::new(items, next.filter(|_| !over))
    }
}

pub async fn get(gitea: Arc<Gitea>, request: Request<CommitGet>) -> Result<Reply<Commit>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let (owner, name) = place;
    let parts = ["repos", owner, name, "git", "commits", &request.input.commit];
    let convert = |_: &Arc<str>, row| convert::commit(true, row);
    match gitea.endpoint.one(&parts, &request, convert).await {
        Err(failure) if is(&failure, &[404, 409, 422]) => {
            Err(gitea.missing(place, failure, "commit", Kind::NotFound).await)
        }
        other => other,
    }
}

/// Gitea compares by three dots, and tells of commits only.
pub async fn compare(gitea: Arc<Gitea>, request: Request<Compare>) -> Result<Reply<Comparison>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let (owner, name) = place;
    let input = &request.input;
    let ends = format!("{}...{}", &*input.base, &*input.head);
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "compare", &ends])?;
    let received = match gitea.endpoint.send(outgoing).await {
        // Which of both is missing, or whether both are there and have nothing in common.
        Err(failure) if is(&failure, &[404, 409, 500]) => {
            gitea.commit_of(place, &input.base, "base", Kind::NotFound).await?;
            gitea.commit_of(place, &input.head, "head", Kind::NotFound).await?;
            return Err(failure);
        }
        other => other?,
    };
    let whole: wire::Comparison = received.json()?;
    let rows = received.rows_of(&whole.commits.unwrap_or_default(), false)?;
    let found = rows.len() as u64 + u64::from(received.skipped());
    // Gitea lists them as git's log does, the newest first.
    let commits = rows.into_iter().rev().map(|row| convert::commit(false, row)).collect();
    Ok(received.reply(Comparison {
        base: input.base.to_string(),
        head: input.head.to_string(),
        merge_base: None,
        ahead_by: Some(whole.total_commits.unwrap_or(found).max(found)),
        behind_by: None,
        commits,
        files: None,
        incomplete: whole.total_commits.is_some_and(|total| total > found),
        web_url: None,
        raw: request.include_raw.then(|| received.raw()).transpose()?,
    }))
}
