//! The requests that serve repositories.
//!
//! Invariant: what Gitea cannot be asked for is refused before anything is sent, naming the field.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::refusal::{blaming, is, taken};
use super::{Gitea, convert, pages, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Forked, Repo, RepoCreate, RepoDelete, RepoFork, RepoGet, RepoList, Visibility};
use crate::catalogue::outcome::Deleted;
use crate::providers::forge;
use crate::providers::http::{Outgoing, Received};
use crate::providers::{Reply, Request};

pub async fn get(gitea: Arc<Gitea>, request: Request<RepoGet>) -> Result<Reply<Repo>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let parts = ["repos", owner, name];
    let convert = |at: &Arc<str>, row| convert::repo(at, row);
    gitea.endpoint.one(&parts, &request, convert).await
}

pub async fn list(gitea: Arc<Gitea>, request: Request<RepoList>) -> Result<Reply<Page<Repo>>, Failure> {
    let owner = request.input.owner.as_ref().map(|_| &*request.native);
    let part = |outgoing: Outgoing| outgoing.part(pages::SIZE, request.limit(), request.cursor());
    let received = forge::repos(&gitea.endpoint, owner, part).await?;
    let rows = received.rows(request.include_raw)?;
    let items = rows.into_iter().map(|row| convert::repo(&request.instance, row));
    Ok(received.reply(pages::page(&received, items.collect())))
}

pub async fn create(gitea: Arc<Gitea>, request: Request<RepoCreate>) -> Result<Reply<Repo>, Failure> {
    let input = &request.input;
    if input.visibility == Some(Visibility::Internal) {
        let sentence = "at this provider a repository is public or private; internal follows from its owner";
        return Err(Failure::unsupported_field("visibility", sentence).never_sent());
    }
    let new = wire::NewRepo {
        name: &input.name,
        description: input.description.as_deref(),
        private: input.visibility != Some(Visibility::Public),
        default_branch: input.default_branch.as_deref(),
        auto_init: input.init == Some(true),
    };
    let received = match input.owner.as_ref().map(|_| &*request.native) {
        None => {
            gitea
                .endpoint
                .send(gitea.endpoint.post(&["user", "repos"], &new)?)
                .await
        }
        Some(owner) => create_for(&gitea, owner, &new).await,
    };
    let received = received.map_err(|failure| match failure.kind {
        Kind::InvalidInput if failure.field.is_none() => {
            let sentence = "name is not accepted by the provider";
            blaming(&failure, Kind::InvalidInput, "name", sentence)
        }
        _ => taken(failure, "name", "name: there is a repository of this name already"),
    })?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::repo(&request.instance, row)))
}

/// An organisation's repositories are made at a path of their own; the credential's user is none.
async fn create_for(gitea: &Gitea, owner: &str, new: &wire::NewRepo<'_>) -> Result<Received, Failure> {
    let outgoing = gitea.endpoint.post(&["orgs", owner, "repos"], new);
    let outgoing = outgoing.map_err(Failure::never_sent)?;
    match gitea.endpoint.send(outgoing).await {
        Err(failure) if failure.kind == Kind::NotFound => {
            if gitea.is_us(owner).await {
                return gitea.endpoint.send(gitea.endpoint.post(&["user", "repos"], new)?).await;
            }
            let sentence = "owner is no organisation that our credential sees";
            Err(blaming(&failure, Kind::NotFound, "owner", sentence))
        }
        other => other,
    }
}

pub async fn delete(gitea: Arc<Gitea>, request: Request<RepoDelete>) -> Result<Reply<Deleted>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let outgoing = gitea.endpoint.bare(Method::DELETE, &["repos", owner, name])?;
    let received = gitea.endpoint.send(outgoing).await?;
    Ok(received.reply(Deleted::done()))
}

/// Gitea answers with 202, and the fork is done all the same.
pub async fn fork(gitea: Arc<Gitea>, request: Request<RepoFork>) -> Result<Reply<Forked>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let input = &request.input;
    let fork = |organization| wire::NewFork {
        organization,
        name: input.name.as_deref(),
    };
    let parts = ["repos", owner, name, "forks"];
    let wanted = input.owner.as_deref();
    let mut sent = gitea.endpoint.send(gitea.endpoint.post(&parts, &fork(wanted))?).await;
    if let (Err(failure), Some(wanted)) = (&sent, wanted) {
        // Only an organisation is named; the credential's user is who is meant where none is.
        if is(failure, &[404, 422]) && gitea.is_us(wanted).await {
            sent = gitea.endpoint.send(gitea.endpoint.post(&parts, &fork(None))?).await;
        }
    }
    let received = sent.map_err(|failure| match failure.kind {
        Kind::InvalidInput if wanted.is_some() => {
            let sentence = "owner is no organisation that our credential sees";
            blaming(&failure, Kind::InvalidInput, "owner", sentence)
        }
        _ => taken(
            failure,
            "name",
            "name: there is a fork, or another repository of its name, already",
        ),
    })?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(Forked {
        repo: convert::repo(&request.instance, row),
        ready: Some(true),
    }))
}
