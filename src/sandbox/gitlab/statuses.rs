//! What CI says of commits.
//!
//! Invariant: a status that is not over says nothing twice.

use http::StatusCode;

use super::accept;
use super::ask::{Answer, Ask, created};
use super::commits::found;
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{Repo, Status};

/// The longest name and description.
const MAX_TEXT: usize = 255;
const STATES: &[&str] = &["pending", "running", "success", "failed", "canceled", "skipped"];

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let commit = found(&ask, repo)?;
    let mut statuses = match ask.input.asks("all")? {
        true => repo.statuses_of(&commit.id),
        false => repo.latest_statuses(&commit.id),
    };
    let (name, branch) = (ask.input.filled("name")?, ask.input.filled("ref")?);
    let at = |status: &Status| data.own.status_refs.get(&status.id);
    statuses.retain(|status| {
        name.as_ref().is_none_or(|name| status.context == *name)
            && branch.as_ref().is_none_or(|branch| at(status) == Some(branch))
    });
    statuses.reverse();
    let links = ask.gitlab.links();
    page::answer(&ask, &statuses, |status| links.status(status, at(status)))
}

pub(crate) async fn create(ask: Ask) -> Answer {
    let state = ask.input.required("state")?;
    if !STATES.contains(&state.as_str()) {
        return Err(Problem::parameter("state does not have a valid value"));
    }
    let (name, context) = (ask.input.filled("name")?, ask.input.filled("context")?);
    let name = name.or(context).unwrap_or_else(|| "default".to_owned());
    let description = ask.input.text("description")?;
    for (field, text) in [("name", Some(&name)), ("description", description.as_ref())] {
        if text.is_some_and(|text| text.chars().count() > MAX_TEXT) {
            return Err(Problem::field(field, "is too long (maximum is 255 characters)"));
        }
    }
    let branch = ask.input.filled("ref")?;
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let repo = data.forge.by_id(id)?;
    let commit = found(&ask, repo)?.id.clone();
    let branch = branch.or_else(|| containing(repo, &commit));
    let branch = branch.ok_or_else(|| Problem::missing("References for commit"))?;
    moves_on(repo, &commit, &name, &state)?;
    let draft = Status {
        id: 0,
        commit: commit.clone(),
        state,
        context: name,
        description,
        target_url: ask.input.text("target_url")?,
        creator: "",
        created_at: String::new(),
    };
    let status = data.forge.create_status(id, draft)?;
    data.own.status_refs.insert(status.id, branch.clone());
    accept::settle(&mut data, &commit);
    created(ask.gitlab.links().status(&status, Some(&branch)))
}

/// The first branch that has this commit.
fn containing(repo: &Repo, commit: &str) -> Option<String> {
    let has = |at: &str| at == commit || repo.history.log(at).iter().any(|behind| behind.id == commit);
    let found = repo.branches.values().find(|branch| has(&branch.commit));
    found.map(|branch| branch.name.clone())
}

/// Refuses what a status that is not over is already, and what comes before it.
fn moves_on(repo: &Repo, commit: &str, name: &str, state: &str) -> Result<(), Problem> {
    let last = repo
        .latest_statuses(commit)
        .into_iter()
        .find(|status| status.context == name);
    let was = last.map(|status| status.state.as_str()).unwrap_or_default();
    let verb = match (was, state) {
        ("pending" | "running", "pending") => "enqueue",
        ("running", "running") => "run",
        _ => return Ok(()),
    };
    let words = format!(
        "Cannot transition status via :{verb} from :{was} (Reason(s): Status cannot transition via \"{verb}\")"
    );
    Err(Problem::message(StatusCode::BAD_REQUEST, words))
}
