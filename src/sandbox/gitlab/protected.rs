//! Branches that only merge requests change.
//!
//! Invariant: what is protected here is protected everywhere.

use http::StatusCode;
use serde_json::{Value, json};

use super::ask::{Answer, Ask, created, gone, ok};
use super::branches::found;
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{Branch, stable_id};

fn shown(branch: &Branch) -> Value {
    let level = |level: u64, words: &str| {
        json!([{
            "id": stable_id(&branch.name) >> 1,
            "access_level": level,
            "access_level_description": words,
            "user_id": null,
            "group_id": null,
        }])
    };
    json!({
        "id": stable_id(&branch.name),
        "name": branch.name,
        "push_access_levels": level(0, "No one"),
        "merge_access_levels": level(40, "Maintainers"),
        "unprotect_access_levels": [],
        "allow_force_push": false,
        "code_owner_approval_required": false,
        "inherited": false,
    })
}

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let branches: Vec<&Branch> = repo.branches.values().filter(|branch| branch.protected).collect();
    page::answer(&ask, &branches, |branch| shown(branch))
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let branch = found(&ask, ask.project(&data)?)?;
    match branch.protected {
        true => ok(shown(branch)),
        false => Err(Problem::not_found()),
    }
}

pub(crate) async fn protect(ask: Ask) -> Answer {
    let name = ask.input.required("name")?;
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let there = data.forge.by_id(id)?.branches.get(&name);
    if there.is_some_and(|branch| branch.protected) {
        let words = format!("Protected branch '{name}' already exists");
        return Err(Problem::message(StatusCode::CONFLICT, words));
    }
    data.forge.protect_branch(id, &name, true)?;
    let branch = data.forge.by_id(id)?.branches.get(&name).map(shown);
    created(branch.unwrap_or_default())
}

pub(crate) async fn unprotect(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let branch = found(&ask, data.forge.by_id(id)?)?;
    if !branch.protected {
        return Err(Problem::not_found());
    }
    let name = branch.name.clone();
    data.forge.protect_branch(id, &name, false)?;
    gone()
}
