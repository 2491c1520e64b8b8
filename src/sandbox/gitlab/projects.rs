//! Projects as a whole: listed, read, made, changed, forked, and removed in two steps.
//!
//! Invariant: what is removed is marked first, and only a second word with its whole path ends it.

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};

use super::ask::{Answer, Ask, created, ok};
use super::caller::Caller;
use super::data::Data;
use super::objects::project::Detail;
use super::objects::user_id;
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{CommitDraft, FileAction, Refused, Repo, RepoDraft, RepoEdit, Signature, now};
use crate::sandbox::seed::GUEST;

const VISIBILITIES: &[&str] = &["private", "internal", "public"];

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let (member, owned) = (ask.input.asks("membership")?, ask.input.asks("owned")?);
    let wanted = |repo: &&Repo| {
        let own = repo.owner.eq_ignore_ascii_case(data.forge.user);
        (!member || (ask.caller != Caller::Anonymous && data.member(repo))) && (!owned || own)
    };
    let found = data.forge.repos.iter().filter(wanted).collect();
    listed(&ask, &data, found)
}

pub(crate) async fn list_of_user(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let key = ask.part(0)?;
    let people = [data.forge.user, GUEST];
    let called = |login: &&str| login.eq_ignore_ascii_case(key) || user_id(login).to_string() == key;
    let login = people
        .into_iter()
        .find(called)
        .ok_or_else(|| Problem::missing("User"))?;
    let found = data.forge.repos.iter().filter(|repo| repo.owner == login).collect();
    listed(&ask, &data, found)
}

/// Those that the query asks for, in its order and cut in its way.
pub(crate) fn listed(ask: &Ask, data: &Data, mut repos: Vec<&Repo>) -> Answer {
    let order = ask.input.choice(
        "order_by",
        &[
            "created_at",
            "id",
            "name",
            "path",
            "updated_at",
            "last_activity_at",
            "similarity",
            "star_count",
        ],
    )?;
    let rising = ask.input.choice("sort", &["desc", "asc"])? == "asc";
    let detail = if ask.input.asks("simple")? {
        Detail::Simple
    } else {
        Detail::Full
    };
    let search = ask.input.text("search")?.unwrap_or_default().to_lowercase();
    let (archived, visibility) = (ask.input.flag("archived")?, ask.input.text("visibility")?);
    let (after, before) = (ask.input.number("id_after")?, ask.input.number("id_before")?);
    repos.retain(|repo| {
        let shown = if repo.private { "private" } else { "public" };
        let seen = !repo.private || ask.caller != Caller::Anonymous;
        seen && repo.full_name.to_lowercase().contains(&search)
            && archived.is_none_or(|archived| repo.archived == archived)
            && visibility.as_ref().is_none_or(|wanted| wanted == shown)
            && after.is_none_or(|after| repo.id > after)
            && before.is_none_or(|before| repo.id < before)
    });
    match order {
        "name" | "path" => repos.sort_by_cached_key(|repo| repo.name.clone()),
        "updated_at" | "last_activity_at" => repos.sort_by_cached_key(|repo| (repo.updated_at.clone(), repo.id)),
        "id" => repos.sort_by_key(|repo| repo.id),
        _ => repos.sort_by_cached_key(|repo| (repo.created_at.clone(), repo.id)),
    }
    if !rising {
        repos.reverse();
    }
    let links = ask.gitlab.links();
    let render = |repo: &&Repo| links.project(data, repo, detail);
    if ask.input.text("pagination")?.as_deref() == Some("keyset") && order == "id" {
        let parameter = if rising { "id_after" } else { "id_before" };
        // What comes after was chosen above.
        return page::keyset(ask, &repos, parameter, |_| 0, |repo| repo.id.to_string(), render);
    }
    page::answer(ask, &repos, render)
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let id = ask.project(&data)?.id;
    let shown = shown(&ask, &data, id)?;
    data.own.import_read(id);
    ok(shown)
}

fn shown(ask: &Ask, data: &Data, id: u64) -> Result<Value, Problem> {
    let repo = data.forge.by_id(id)?;
    Ok(ask.gitlab.links().project(data, repo, Detail::Full))
}

pub(crate) async fn create(ask: Ask) -> Answer {
    let (name, path) = (ask.input.filled("name")?, ask.input.filled("path")?);
    let Some(path) = path.or(name) else {
        return Err(Problem::parameter(
            "name, path are missing, at least one parameter must be provided",
        ));
    };
    let mut data = ask.gitlab.data();
    let owner = match ask.input.text("namespace_id")? {
        Some(key) => {
            let found = data.namespace(&key);
            found.ok_or_else(|| Problem::field("namespace", "is not valid"))?.path
        }
        None => data.forge.user.to_owned(),
    };
    let private = ask.input.choice("visibility", VISIBILITIES)? != "public";
    let (description, branch) = (ask.input.text("description")?, ask.input.filled("default_branch")?);
    let draft = RepoDraft {
        owner: &owner,
        name: &path,
        description: description.as_deref(),
        private,
        default_branch: branch.as_deref(),
    };
    let id = data.forge.create_repo(&draft).map_err(named)?;
    if ask.input.asks("initialize_with_readme")? {
        begin(&mut data, id, &path)?;
    }
    created(shown(&ask, &data, id)?)
}

/// A name that is taken, or cannot be one.
fn named(refused: Refused) -> Problem {
    match refused {
        Refused::Exists(_) => Problem::taken(),
        Refused::BadName => Problem::bad(json!({
            "path": ["can contain only letters, digits, '_', '-' and '.'. Cannot start with '-', end in '.git' or end in '.atom'"],
        })),
        other => other.into(),
    }
}

/// The first commit, with a README.
fn begin(data: &mut Data, id: u64, name: &str) -> Result<(), Problem> {
    let who = Signature::of(data.forge.user, &now());
    let branch = data.forge.by_id(id)?.default_branch.clone();
    let readme = FileAction::Create {
        path: "README.md".to_owned(),
        content: format!("# {name}\n").into(),
    };
    let draft = CommitDraft {
        branch: &branch,
        start: None,
        actions: &[readme],
        message: "Initial commit",
        author: who.clone(),
        committer: who,
    };
    data.forge.commit_files(id, &draft)?;
    Ok(())
}

pub(crate) async fn edit(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let visibility = ask.input.text("visibility")?;
    let edit = RepoEdit {
        description: ask.input.text("description")?,
        private: visibility.map(|visibility| visibility != "public"),
        archived: None,
        default_branch: ask.input.filled("default_branch")?,
    };
    let repo = data.forge.by_id(id)?;
    if edit
        .default_branch
        .as_ref()
        .is_some_and(|name| !repo.branches.contains_key(name))
    {
        return Err(Problem::field("base", "Could not change HEAD: branch does not exist"));
    }
    if let Some(path) = ask.input.filled("path")? {
        let owner = repo.owner.clone();
        data.forge.rename_repo(id, &owner, &path).map_err(named)?;
    }
    data.forge.edit_repo(id, edit)?;
    ok(shown(&ask, &data, id)?)
}

pub(crate) async fn archive(ask: Ask) -> Answer {
    archived(&ask, true)
}

pub(crate) async fn unarchive(ask: Ask) -> Answer {
    archived(&ask, false)
}

fn archived(ask: &Ask, archived: bool) -> Answer {
    let mut data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    if !data.member(repo) {
        return Err(Problem::forbidden());
    }
    let (id, changes) = (repo.id, repo.archived != archived);
    if changes {
        let edit = RepoEdit {
            archived: Some(archived),
            ..RepoEdit::default()
        };
        data.forge.edit_repo(id, edit)?;
    }
    created(shown(ask, &data, id)?)
}

pub(crate) async fn delete(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    if !data.member(repo) {
        return Err(Problem::forbidden());
    }
    let (id, path) = (repo.id, repo.full_name.clone());
    let marked = data.own.doomed.contains_key(&id);
    if !ask.input.asks("permanently_remove")? {
        if marked {
            return Err(Problem::bad("Project has already been marked for deletion"));
        }
        data.own.doomed.insert(id, now()[..10].to_owned());
    } else if !marked {
        return Err(Problem::bad("Project must be marked for deletion first."));
    } else if ask.input.text("full_path")?.as_deref() != Some(path.as_str()) {
        return Err(Problem::bad(
            "`full_path` is incorrect. You must enter the complete path for the project.",
        ));
    } else {
        data.forge.delete_repo(id)?;
        data.own.forget(id);
    }
    let accepted = json!({ "message": "202 Accepted" });
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

pub(crate) async fn restore(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    if !data.member(repo) {
        return Err(Problem::forbidden());
    }
    let id = repo.id;
    if data.own.doomed.remove(&id).is_none() {
        return Err(Problem::bad("Project has not been marked for deletion"));
    }
    created(shown(&ask, &data, id)?)
}

pub(crate) async fn fork(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let origin = ask.project(&data)?.id;
    let (by_id, by_path) = (ask.input.text("namespace_id")?, ask.input.text("namespace_path")?);
    let owner = match by_id.or(by_path).or(ask.input.text("namespace")?) {
        Some(key) => {
            data.namespace(&key)
                .ok_or_else(|| Problem::missing("Target Namespace"))?
                .path
        }
        None => data.forge.user.to_owned(),
    };
    let path = ask.input.filled("path")?;
    let taken = || {
        let words = json!([
            "Project namespace name has already been taken",
            "Name has already been taken",
            "Path has already been taken"
        ]);
        Problem::message(StatusCode::CONFLICT, words)
    };
    let (id, new) = data
        .forge
        .fork(origin, &owner, path.as_deref())
        .map_err(|refused| match refused {
            Refused::Exists(_) => taken(),
            other => named(other),
        })?;
    if !new {
        return Err(taken());
    }
    data.own.import_begins(id);
    created(shown(&ask, &data, id)?)
}

pub(crate) async fn forks(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let id = ask.project(&data)?.id;
    let forks = data.forge.repos.iter().filter(|repo| repo.parent == Some(id)).collect();
    listed(&ask, &data, forks)
}
