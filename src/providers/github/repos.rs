//! The requests that serve repositories.
//!
//! Invariant: an input that GitHub cannot be asked is refused before anything is sent, naming the field, and what was there
//! before is never told as made.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mosaic_actors::error::{Failure, Kind};

use super::lookup::{At, named, unsupported};
use super::{GitHub, SIZE, convert, wire};
use crate::catalogue::git::{Forked, Repo, RepoCreate, RepoDelete, RepoFork, RepoGet, RepoList, Visibility};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::page::Page;
use crate::providers::forge;
use crate::providers::http::{Outgoing, Time};
use crate::providers::{Reply, Request};

pub async fn get(github: Arc<GitHub>, request: Request<RepoGet>) -> Result<Reply<Repo>, Failure> {
    let repo = At::of("repo", &request.native)?;
    github
        .endpoint
        .one(&repo.parts(&[]), &request, |at, row| convert::repo(at, row))
        .await
}

pub async fn list(github: Arc<GitHub>, request: Request<RepoList>) -> Result<Reply<Page<Repo>>, Failure> {
    let owner = request.input.owner.as_ref().map(|_| &*request.native);
    let part = |outgoing: Outgoing| outgoing.part(SIZE, request.limit(), request.cursor());
    let received = forge::repos(&github.endpoint, owner, part).await?;
    let rows = received.rows(request.include_raw)?;
    let items = rows.into_iter().map(|row| convert::repo(&request.instance, row));
    Ok(received.reply(Page::new(items.collect(), received.next_query())))
}

pub async fn create(github: Arc<GitHub>, request: Request<RepoCreate>) -> Result<Reply<Repo>, Failure> {
    let input = &request.input;
    let owner = input.owner.as_ref().map(|_| &*request.native);
    if input.default_branch.is_some() {
        let sentence = "GitHub names the first branch itself";
        return Err(unsupported("default_branch", sentence));
    }
    let visibility = input.visibility.unwrap_or(Visibility::Private);
    if visibility == Visibility::Internal && owner.is_none() {
        let sentence = "a user's repository is public or private; internal ones belong to organisations";
        return Err(unsupported("visibility", sentence));
    }
    let repo = wire::NewRepo {
        name: &input.name,
        description: input.description.as_deref(),
        private: visibility != Visibility::Public,
        // The other two are told by `private`, which every version knows.
        visibility: (visibility == Visibility::Internal).then_some("internal"),
        auto_init: input.init,
    };
    let parts = match owner {
        Some(owner) => vec!["orgs", owner, "repos"],
        None => vec!["user", "repos"],
    };
    let outgoing = github.endpoint.post(&parts, &repo)?;
    let created = github
        .endpoint
        .answer(outgoing, &request, |at, row| convert::repo(at, row));
    created.await.map_err(|failure| match failure.kind {
        Kind::NotFound if owner.is_some() => named(failure, "owner"),
        _ => failure,
    })
}

pub async fn delete(github: Arc<GitHub>, request: Request<RepoDelete>) -> Result<Reply<Deleted>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let received = github.endpoint.send(github.endpoint.delete(&repo.parts(&[]))?).await?;
    Ok(received.reply(Deleted::done()))
}

pub async fn fork(github: Arc<GitHub>, request: Request<RepoFork>) -> Result<Reply<Forked>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let fork = wire::NewFork {
        organization: request.input.owner.as_deref(),
        name: request.input.name.as_deref(),
    };
    let outgoing = github.endpoint.post(&repo.parts(&["forks"]), &fork)?;
    let received = github.endpoint.send(outgoing).await?;
    let row = received.row::<wire::Repo>(request.include_raw)?;
    let now = received.header("date").and_then(Time::read);
    if let Some(sentence) = was_there(&row.wire, request.input.name.as_deref(), now) {
        return Err(named(received.failure(Kind::Conflict, sentence), "name"));
    }
    let ready = is_filled(&github, &row.wire.full_name).await;
    let repo = convert::repo(&request.instance, row);
    Ok(received.reply(Forked { repo, ready }))
}

/// How old a fork may be that was asked for just now, by GitHub's own clock: nobody waits longer for an answer, and who asks
/// again because none came finds the one that was made.
const JUST_NOW: SignedDuration = SignedDuration::from_mins(1);

/// Why a fork that GitHub tells of is another one than was asked for: where the owner has one, that comes in the same words
/// (H27).
fn was_there(fork: &wire::Repo, wanted: Option<&str>, now: Option<Timestamp>) -> Option<&'static str> {
    let (_, name) = fork.full_name.rsplit_once('/').unwrap_or_default();
    if wanted.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(name)) {
        return Some("name: the owner has a fork already, of another name");
    }
    // What is told to be no fork, as in GitHub's own example, tells nothing of one.
    let made = fork.created_at.at().filter(|_| fork.fork)?;
    (now?.duration_since(made) > JUST_NOW).then_some("name: the owner has a fork already")
}

/// Whether a fork has its branches, which GitHub copies in its own time (H27); the fork is made whatever becomes of this
/// question.
async fn is_filled(github: &GitHub, path: &str) -> Option<bool> {
    let fork = At::of("repo", path).ok()?;
    let outgoing = github.endpoint.get(&fork.parts(&["branches"])).ok()?.query(SIZE, "1");
    let received = github.endpoint.send(outgoing).await.ok()?;
    let branches = received.rows::<wire::Branch>(false).ok()?;
    Some(!branches.is_empty())
}
