//! The requests that serve pull requests.
//!
//! Invariant: a list holds what was asked for, also where GitHub cannot be asked for that alone.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use url::form_urlencoded::parse;

use super::lookup::{self, At, Numbered, instead, named, unsupported};
use super::{GitHub, SIZE, convert, wire};
use crate::catalogue::git::{
    FileChange, Pull, PullChange, PullCreate, PullFiles, PullFilter, PullGet, PullList, PullUpdate,
};
use crate::catalogue::page::Page;
use crate::providers::forge;
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// The most files of a pull request that GitHub tells of.
const MOST_FILES: u64 = 3000;
/// Rows a page where nobody says.
const ROWS: u64 = 30;

pub async fn list(github: Arc<GitHub>, request: Request<PullList>) -> Result<Reply<Page<Pull>>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let input = &request.input;
    let outgoing = github.endpoint.get(&repo.parts(&["pulls"]))?;
    let outgoing = outgoing
        .query("state", state_word(input.state))
        .query_if("head", input.head.as_deref().map(|head| of_owner(repo.owner, head)))
        .query_if("base", input.base.as_deref())
        .part(SIZE, request.limit(), request.cursor());
    let received = github.endpoint.send(outgoing).await?;
    let rows = received.rows::<wire::Pull>(request.include_raw)?;
    let pulls = rows
        .into_iter()
        .map(|row| convert::pull(&request.instance, &request.native, row))
        // GitHub does not tell merged from closed where it is asked, but in what it answers.
        .filter(|pull| input.state.admits(pull.state));
    Ok(received.reply(Page::new(pulls.collect(), received.next_query())))
}

/// GitHub's word for the states that may hold what is asked for.
fn state_word(filter: PullFilter) -> &'static str {
    match filter {
        PullFilter::Open => "open",
        PullFilter::Closed | PullFilter::Merged => "closed",
        PullFilter::All => "all",
    }
}

/// `owner:branch`, which a branch that names its owner is already: git lets none be called so (H5).
fn of_owner(owner: &str, branch: &str) -> String {
    match branch.contains(':') {
        true => branch.to_owned(),
        false => format!("{owner}:{branch}"),
    }
}

pub async fn get(github: Arc<GitHub>, request: Request<PullGet>) -> Result<Reply<Pull>, Failure> {
    let pull = Numbered::of("pr", &request.native)?;
    // H1: the first reading sets GitHub looking whether it can be merged.
    let read = || one(&github, &pull, request.include_raw);
    let settled = |(_, row): &(_, Row<wire::Pull>)| row.wire.state != "open" || row.wire.mergeable.is_some();
    let (received, row) = forge::looked_into(read, settled).await?;
    Ok(received.reply(convert::pull(&request.instance, pull.path, row)))
}

/// A pull request as it is now.
pub async fn one(
    github: &GitHub,
    pull: &Numbered<'_>,
    include_raw: bool,
) -> Result<(Received, Row<wire::Pull>), Failure> {
    let outgoing = github.endpoint.get(&pull.parts("pulls", &[]))?;
    let received = github.endpoint.send(outgoing).await?;
    let row = received.row(include_raw)?;
    Ok((received, row))
}

pub async fn create(github: Arc<GitHub>, request: Request<PullCreate>) -> Result<Reply<Pull>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let input = &request.input;
    let fork = input
        .head_repo
        .as_deref()
        .map(|path| At::of("head_repo", path))
        .transpose()?;
    let head = match fork {
        Some(fork) => of_owner(fork.owner, &input.head),
        None => input.head.to_string(),
    };
    // Only within one owner the name of the owner does not tell the fork.
    let ambiguous = fork.is_some_and(|fork| fork.owner.eq_ignore_ascii_case(repo.owner));
    let base = match input.base.as_deref() {
        Some(base) => base.to_owned(),
        None => lookup::default_branch(&github, repo)
            .await
            .map_err(Failure::never_sent)?,
    };
    let pull = wire::NewPull {
        title: &input.title,
        head: &head,
        head_repo: input.head_repo.as_deref().filter(|_| ambiguous),
        base: &base,
        body: input.body.as_deref(),
        draft: input.draft,
    };
    let outgoing = github.endpoint.post(&repo.parts(&["pulls"]), &pull)?;
    let convert = |at: &Arc<str>, row| convert::pull(at, &request.native, row);
    let created = github.endpoint.answer(outgoing, &request, convert);
    created.await.map_err(no_branch)
}

/// Of a branch that is not there GitHub says that its name is invalid.
fn no_branch(failure: Failure) -> Failure {
    match failure.field.as_deref() {
        Some(field @ ("head" | "base")) if failure.kind == Kind::InvalidInput => {
            let sentence = format!("{field} is not there, or not shown to us");
            named(instead(&failure, Kind::NotFound, sentence), field)
        }
        _ => failure,
    }
}

pub async fn update(github: Arc<GitHub>, request: Request<PullUpdate>) -> Result<Reply<Pull>, Failure> {
    let pull = Numbered::of("pr", &request.native)?;
    let input = &request.input;
    if input.draft.is_some() {
        let sentence = "GitHub's REST API changes no pull request into a draft, nor a draft into what is ready";
        return Err(unsupported("draft", sentence));
    }
    let patch = wire::PullPatch {
        title: input.title.as_deref(),
        body: input.body.as_deref(),
        state: input.state.map(|state| match state {
            PullChange::Open => "open",
            PullChange::Closed => "closed",
        }),
        base: input.base.as_deref(),
    };
    let outgoing = github.endpoint.patch(&pull.parts("pulls", &[]), &patch)?;
    let convert = |at: &Arc<str>, row| convert::pull(at, pull.path, row);
    let changed = github.endpoint.answer(outgoing, &request, convert);
    changed.await.map_err(no_branch)
}

pub async fn files(github: Arc<GitHub>, request: Request<PullFiles>) -> Result<Reply<Page<FileChange>>, Failure> {
    let pull = Numbered::of("pr", &request.native)?;
    let outgoing = github.endpoint.get(&pull.parts("pulls", &["files"]))?;
    let change = |_: &Arc<str>, row: Row<wire::Diff>| Some(convert::file_change(row.wire));
    let mut reply = github.endpoint.page(outgoing, SIZE, &request, change).await?;
    // The list ends there, and nothing says so (H6).
    let rows = reply.value.items.len() as u64 + u64::from(reply.skipped);
    let seen = before(request.cursor()).saturating_add(rows);
    reply.value.incomplete = !reply.value.has_more && seen >= MOST_FILES;
    Ok(reply)
}

/// How many rows the pages before have.
fn before(cursor: Option<&str>) -> u64 {
    let number = |wanted: &str| {
        let mut pairs = parse(cursor.unwrap_or_default().as_bytes());
        pairs.find_map(|(name, value)| (name == wanted).then(|| value.parse::<u64>().ok())?)
    };
    let page = number("page").unwrap_or(1);
    page.saturating_sub(1).saturating_mul(number(SIZE).unwrap_or(ROWS))
}

/// The path of a pull request's head, where it is still there, and its branch.
pub fn head_of(pull: &wire::Pull) -> Option<(String, String)> {
    let head = pull.head.as_ref()?;
    let repo = head.repo.as_ref()?;
    forge::project("head", &repo.full_name).ok()?;
    Some((repo.full_name.clone(), head.branch.clone()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_before_a_page_are_counted() {
        assert_eq!(before(None), 0);
        assert_eq!(before(Some("per_page=100&page=30")), 2900);
        assert_eq!(before(Some("page=2")), 30);
        assert_eq!(before(Some("page=99999999999999999999")), 0);
    }
}
