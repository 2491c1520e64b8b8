//! Branches.
//!
//! Invariant: the default branch and protected ones are not deleted here.

use http::StatusCode;

use super::ask::{Answer, Ask, created, gone, ok};
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{Branch, Refused, Repo, What};

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let search = ask.input.text("search")?.unwrap_or_default();
    let matches = |name: &str| match (search.strip_prefix('^'), search.strip_suffix('$')) {
        (Some(head), _) => name.starts_with(head),
        (_, Some(tail)) => name.ends_with(tail),
        _ => search.is_empty() || name.to_lowercase().contains(&search.to_lowercase()),
    };
    let branches: Vec<&Branch> = repo.branches.values().filter(|branch| matches(&branch.name)).collect();
    let links = ask.gitlab.links();
    let render = |branch: &&Branch| links.branch(repo, branch).unwrap_or_default();
    if ask.input.text("pagination")?.as_deref() == Some("keyset") {
        let from = |told: &str| {
            branches
                .iter()
                .take_while(|branch| branch.name.as_str() <= told)
                .count()
        };
        return page::keyset(
            &ask,
            &branches,
            "page_token",
            from,
            |branch| branch.name.clone(),
            render,
        );
    }
    page::answer(&ask, &branches, render)
}

/// The branch that the path names second.
pub(crate) fn found<'a>(ask: &Ask, repo: &'a Repo) -> Result<&'a Branch, Problem> {
    let name = ask.part(1)?;
    repo.branches.get(name).ok_or_else(|| Problem::missing("Branch"))
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let shown = ask.gitlab.links().branch(repo, found(&ask, repo)?);
    ok(shown.ok_or_else(|| Problem::missing("Branch"))?)
}

pub(crate) async fn create(ask: Ask) -> Answer {
    ask.input.require(&["branch", "ref"])?;
    let (name, from) = (ask.input.required("branch")?, ask.input.required("ref")?);
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    data.forge
        .create_branch(id, &name, &from)
        .map_err(|refused| match refused {
            Refused::Exists(_) => Problem::bad("Branch already exists"),
            Refused::Missing(What::Commit) | Refused::Empty => Problem::bad(format!("Invalid reference name: {from}")),
            Refused::BadName => Problem::bad(format!("Branch name is invalid: {name}")),
            other => other.into(),
        })?;
    let repo = data.forge.by_id(id)?;
    let branch = repo
        .branches
        .get(&name)
        .and_then(|branch| ask.gitlab.links().branch(repo, branch));
    created(branch.unwrap_or_default())
}

pub(crate) async fn delete(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    // Who may not push is told so here, and not that it is forbidden.
    if !data.member(repo) {
        let words = "You dont have push access to repo";
        return Err(Problem::message(StatusCode::METHOD_NOT_ALLOWED, words));
    }
    let id = ask.writable(&data)?;
    let name = found(&ask, data.forge.by_id(id)?)?.name.clone();
    let default = data.forge.by_id(id)?.default_branch == name;
    data.forge.delete_branch(id, &name).map_err(|refused| match refused {
        Refused::Protected if default => Problem::bad("The default branch of a project cannot be deleted."),
        Refused::Protected => Problem::bad("You can only delete protected branches using the web interface."),
        other => other.into(),
    })?;
    gone()
}
