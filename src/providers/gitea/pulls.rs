//! The requests that serve pull requests, but for their merge.
//!
//! Invariant: what a release ignores of a question is asked of its answer once more, and the mark of a draft is never
//! lost by a new title.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::{Place, numbered};
use super::refusal::{Says, blaming, is, taken, told};
use super::{Gitea, convert, pages, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{
    FileChange, Pull, PullChange, PullCreate, PullCreateInput, PullFiles, PullFilter, PullGet, PullList, PullListInput,
    PullUpdate, PullUpdateInput,
};
use crate::providers::forge;
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

/// Releases before 1.24 do not filter by base, and none filters by head or tells merged from closed.
pub async fn list(gitea: Arc<Gitea>, request: Request<PullList>) -> Result<Reply<Page<Pull>>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let input = &request.input;
    let state = match input.state {
        PullFilter::Open => "open",
        PullFilter::Closed | PullFilter::Merged => "closed",
        PullFilter::All => "all",
    };
    let base = input.base.as_deref().map(|base| ("base_branch", base));
    let filters: Vec<_> = [("state", state)].into_iter().chain(base).collect();
    let parts = ["repos", owner, name, "pulls"];
    let convert = |at: &Arc<str>, row| {
        let pull = convert::pull(at, &request.native, row);
        is_asked_for(input, &request.native, &pull).then_some(pull)
    };
    let mut reply = pages::list(&gitea, &parts, &filters, &request, convert).await?;
    let parted = matches!(input.state, PullFilter::Closed | PullFilter::Merged);
    if parted || input.base.is_some() || input.head.is_some() {
        // It counts what is left out here, too.
        reply.value.total = None;
    }
    Ok(reply)
}

fn is_asked_for(input: &PullListInput, repo: &str, pull: &Pull) -> bool {
    let base = input.base.as_deref();
    let into = base.is_none_or(|base| pull.base.branch.as_deref() == Some(base));
    let from = input.head.as_deref().is_none_or(|head| {
        let (owner, branch) = match head.split_once(':') {
            Some((owner, branch)) => (owner, branch),
            None => (repo.split('/').next().unwrap_or_default(), head),
        };
        let its = pull.head.repo.as_deref().and_then(|path| path.split('/').next());
        pull.head.branch.as_deref() == Some(branch) && its.is_some_and(|its| its.eq_ignore_ascii_case(owner))
    });
    input.state.admits(pull.state) && into && from
}

pub async fn get(gitea: Arc<Gitea>, request: Request<PullGet>) -> Result<Reply<Pull>, Failure> {
    let (path, (owner, name), number) = numbered("pr", &request.native)?;
    let parts = ["repos", owner, name, "pulls", &number];
    let convert = |at: &Arc<str>, row| convert::pull(at, path, row);
    gitea.endpoint.one(&parts, &request, convert).await
}

pub async fn create(gitea: Arc<Gitea>, request: Request<PullCreate>) -> Result<Reply<Pull>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let (owner, name) = place;
    let input = &request.input;
    let head = head(&gitea, place, input).await?;
    let base = match &input.base {
        Some(base) => base.to_string(),
        None => gitea.default_branch(place).await.map_err(Failure::never_sent)?,
    };
    let title = match input.draft {
        Some(true) => format!("{}{}", convert::DRAFT, convert::plain_title(&input.title)),
        _ => input.title.to_string(),
    };
    let new = wire::NewPull {
        title: &title,
        head: &head,
        base: &base,
        body: input.body.as_deref(),
    };
    let outgoing = gitea.endpoint.post(&["repos", owner, name, "pulls"], &new)?;
    let received = match gitea.endpoint.send(outgoing).await {
        Err(failure) if is(&failure, &[404, 500]) => {
            let field = match gitea.lacks_branch(place, &base).await {
                true => "base",
                false => "head",
            };
            return Err(match is(&failure, &[404]) || field == "base" {
                true => gitea.missing(place, failure, field, Kind::NotFound).await,
                false => failure,
            });
        }
        other => other.map_err(|failure| not_opened(&failure))?,
    };
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::pull(&request.instance, &request.native, row)))
}

fn not_opened(failure: &Failure) -> Failure {
    match failure.kind {
        _ if told(failure).is_some_and(|told| told.says == Says::NothingNew) => {
            blaming(failure, Kind::Conflict, "head", "head has nothing that base has not")
        }
        Kind::InvalidInput => {
            let sentence = "head is no branch that can be merged there";
            blaming(failure, Kind::InvalidInput, "head", sentence)
        }
        _ => taken(
            failure.clone(),
            "head",
            "head: there is an open pull request of it into this base already",
        ),
    }
}

/// How the head is named: the branch, or with the owner of its fork; from 1.27 on with the fork's name too.
async fn head(gitea: &Gitea, (owner, name): Place<'_>, input: &PullCreateInput) -> Result<String, Failure> {
    let branch = &*input.head;
    let Some(path) = input.head_repo.as_deref() else {
        return Ok(branch.to_owned());
    };
    let fork = forge::project("head_repo", path)?;
    let same_owner = fork.0.eq_ignore_ascii_case(owner);
    if same_owner && fork.1.eq_ignore_ascii_case(name) {
        return Ok(branch.to_owned());
    }
    if gitea.server().await.is_gitea_since(1, 27) {
        return Ok(format!("{path}:{branch}"));
    }
    match same_owner {
        false => Ok(format!("{}:{branch}", fork.0)),
        true => {
            let sentence =
                "this server finds a fork by its owner alone, and this one's owner has the repository itself";
            Err(Failure::unsupported_field("head_repo", sentence).never_sent())
        }
    }
}

pub async fn update(gitea: Arc<Gitea>, request: Request<PullUpdate>) -> Result<Reply<Pull>, Failure> {
    let (path, place, number) = numbered("pr", &request.native)?;
    let (owner, name) = place;
    let input = &request.input;
    let title = match input.title.is_some() || input.draft.is_some() {
        true => {
            let now = gitea.pull(place, &number).await.map_err(Failure::never_sent)?;
            Some(title(input, &now)?)
        }
        false => None,
    };
    let change = wire::PullChange {
        title,
        body: input.body.as_deref(),
        base: input.base.as_deref(),
        state: input.state.map(|state| match state {
            PullChange::Open => "open",
            PullChange::Closed => "closed",
        }),
    };
    let outgoing = gitea
        .endpoint
        .patch(&["repos", owner, name, "pulls", &number], &change)?;
    let received = match gitea.endpoint.send(outgoing).await {
        Err(failure) if is(&failure, &[404]) && input.base.is_some() => {
            return Err(gitea.missing(place, failure, "base", Kind::Conflict).await);
        }
        other => other.map_err(|failure| not_changed(&failure, input))?,
    };
    let row: Row<wire::Pull> = received.row(request.include_raw)?;
    Ok(received.reply(convert::pull(&request.instance, path, row)))
}

/// The title that says both what it is and whether it is a draft, as asked for or as it is now.
fn title(input: &PullUpdateInput, now: &wire::Pull) -> Result<String, Failure> {
    let was = now.draft.unwrap_or(false);
    let plain = match was {
        true => convert::plain_title(&now.title),
        false => &*now.title,
    };
    let mark = now.title.strip_suffix(plain).filter(|mark| !mark.is_empty());
    let wanted = input.draft.unwrap_or(was);
    let text = input.title.as_deref();
    Ok(match (was, wanted) {
        (true, true) => format!("{}{}", mark.unwrap_or(convert::DRAFT), text.unwrap_or(plain)),
        (false, true) => format!("{}{}", convert::DRAFT, text.unwrap_or(plain)),
        (true, false) if text.is_none() && mark.is_none() => {
            let sentence = "the server marks drafts in a way of its own: give the title without that mark";
            return Err(Failure::unsupported_field("draft", sentence).never_sent());
        }
        (_, false) => text.unwrap_or(plain).to_owned(),
    })
}

fn not_changed(failure: &Failure, input: &PullUpdateInput) -> Failure {
    match failure.kind {
        Kind::PreconditionFailed if input.state.is_some() => {
            let sentence = "its state cannot be changed: it is merged, or waits for others to be closed";
            blaming(failure, Kind::Conflict, "state", sentence)
        }
        Kind::Conflict if is(failure, &[409]) && (input.base.is_some() || input.state.is_some()) => {
            let field = if input.base.is_some() { "base" } else { "state" };
            let sentence = "there is an open pull request of this head and base already, or it was changed meanwhile";
            taken(failure.clone(), field, &format!("{field}: {sentence}"))
        }
        Kind::InvalidInput if input.base.is_some() => blaming(
            failure,
            Kind::InvalidInput,
            "base",
            "base is not accepted by the provider",
        ),
        _ => failure.clone(),
    }
}

pub async fn files(gitea: Arc<Gitea>, request: Request<PullFiles>) -> Result<Reply<Page<FileChange>>, Failure> {
    let (_, (owner, name), number) = numbered("pr", &request.native)?;
    let parts = ["repos", owner, name, "pulls", &number, "files"];
    let convert = |_: &Arc<str>, row: Row<wire::ChangedFile>| Some(convert::change(row.wire));
    pages::list(&gitea, &parts, &[], &request, convert).await
}
