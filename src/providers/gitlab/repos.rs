//! The requests that serve repositories, which GitLab calls projects.
//!
//! Invariant: a removal is never reported as done: GitLab marks the project and takes it away later.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::{GitLab, convert, ids, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Forked, Repo, RepoCreate, RepoDelete, RepoFork, RepoGet, RepoList, Visibility};
use crate::catalogue::outcome::Deleted;
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

pub async fn get(gitlab: Arc<GitLab>, request: Request<RepoGet>) -> Result<Reply<Repo>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let outgoing = gitlab.get(&["projects", path])?;
    gitlab
        .endpoint
        .answer(outgoing, &request, |at, row| convert::repo(at, row))
        .await
}

pub async fn list(gitlab: Arc<GitLab>, request: Request<RepoList>) -> Result<Reply<Page<Repo>>, Failure> {
    if request.input.owner.is_none() {
        // Without it, all that the server has.
        let outgoing = gitlab.get(&["projects"])?.query("membership", "true");
        return gitlab.list(outgoing, &request, convert::repo).await;
    }
    let owner = ids::owner(&request.native)?;
    // Projects that others share with the group are not its own.
    let of_group = gitlab
        .get(&["groups", owner, "projects"])?
        .query("with_shared", "false");
    match gitlab.list(of_group, &request, convert::repo).await {
        // A user has projects too, at another path; the name does not tell which of both it is. No user's has a slash.
        Err(failure) if failure.kind == Kind::NotFound && !owner.contains('/') => {
            let of_user = gitlab.get(&["users", owner, "projects"])?;
            gitlab.list(of_user, &request, convert::repo).await
        }
        other => other,
    }
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<RepoCreate>) -> Result<Reply<Repo>, Failure> {
    let input = &request.input;
    let init = input.init.unwrap_or_default();
    if input.default_branch.is_some() && !init {
        let sentence =
            "this provider names the default branch only of a repository that begins with a commit: set init";
        return Err(Failure::unsupported_field("default_branch", sentence).never_sent());
    }
    let namespace_id = match input.owner {
        Some(_) => Some(namespace(&gitlab, &request.native).await?),
        None => None,
    };
    let project = wire::NewProject {
        name: &input.name,
        path: &input.name,
        namespace_id,
        description: input.description.as_deref(),
        visibility: convert::visibility_word(input.visibility.unwrap_or(Visibility::Private)),
        default_branch: input.default_branch.as_deref(),
        initialize_with_readme: init,
    };
    let outgoing = gitlab.with(Method::POST, &["projects"], &project)?;
    gitlab
        .endpoint
        .answer(outgoing, &request, |at, row| convert::repo(at, row))
        .await
}

/// The id of a group's place: a new project takes no path of one.
async fn namespace(gitlab: &GitLab, path: &str) -> Result<u64, Failure> {
    let outgoing = gitlab.get(&["namespaces", ids::owner(path)?])?;
    let asked = gitlab.endpoint.send(outgoing).await;
    let received = asked.map_err(|mut failure| {
        if failure.kind == Kind::NotFound {
            failure.field = Some("owner".into());
        }
        failure.never_sent()
    })?;
    Ok(received.row::<wire::Namespace>(false)?.wire.id)
}

pub async fn delete(gitlab: Arc<GitLab>, request: Request<RepoDelete>) -> Result<Reply<Deleted>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let received = gitlab
        .endpoint
        .send(gitlab.bare(Method::DELETE, &["projects", path])?)
        .await?;
    Ok(received.reply(Deleted::scheduled()))
}

pub async fn fork(gitlab: Arc<GitLab>, request: Request<RepoFork>) -> Result<Reply<Forked>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    let fork = wire::NewFork {
        namespace_path: input.owner.as_deref(),
        name: input.name.as_deref(),
        path: input.name.as_deref(),
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "fork"], &fork)?;
    let convert = |at: &Arc<str>, row: Row<wire::Project>| convert::forked(at, row);
    gitlab.endpoint.answer(outgoing, &request, convert).await
}
