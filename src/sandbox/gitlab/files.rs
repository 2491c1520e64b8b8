//! Files that are written and removed, one by one or many in a commit.
//!
//! Invariant: whatever refuses a write of a file, the branch is as it was.

use axum::Json;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::ask::{Answer, Ask, created, gone};
use super::input::Input;
use super::objects::commit::stats;
use super::problem::Problem;
use crate::sandbox::forge::{CommitDraft, FileAction, Refused, Repo, Signature, What, now};

/// Whoever changes or removes a file that has changed since they saw it is told so.
const UPDATED: &str = "You are attempting to update a file that has changed since you started editing it.";
const REMOVED: &str = "You are attempting to delete a file that has been previously updated.";

/// A commit as a request words it.
struct Order {
    branch: String,
    start: Option<String>,
    message: String,
    author: Signature,
    committer: Signature,
}

impl Order {
    fn read(ask: &Ask, user: &str) -> Result<Self, Problem> {
        let committer = Signature::of(user, &now());
        let (name, email) = (ask.input.filled("author_name")?, ask.input.filled("author_email")?);
        let author = Signature {
            name: name.unwrap_or_else(|| committer.name.clone()),
            email: email.unwrap_or_else(|| committer.email.clone()),
            at: committer.at.clone(),
        };
        let (branch, sha) = (ask.input.filled("start_branch")?, ask.input.filled("start_sha")?);
        if branch.is_some() && sha.is_some() {
            return Err(Problem::parameter("start_branch, start_sha are mutually exclusive"));
        }
        Ok(Self {
            branch: ask.input.required("branch")?,
            start: branch.or(sha),
            message: ask.input.required("commit_message")?,
            author,
            committer,
        })
    }

    fn draft<'a>(&'a self, actions: &'a [FileAction]) -> CommitDraft<'a> {
        CommitDraft {
            branch: &self.branch,
            start: self.start.as_deref(),
            actions,
            message: &self.message,
            author: self.author.clone(),
            committer: self.committer.clone(),
        }
    }
}

/// A refusal in the words of those who write files: a 400 with a text, whatever is the matter.
fn worded(refused: Refused, order: &Order) -> Problem {
    match refused {
        Refused::Exists(What::File) => Problem::bad("A file with this name already exists"),
        Refused::Missing(What::File) => Problem::bad("A file with this name doesn't exist"),
        Refused::Exists(What::Branch) => Problem::bad(format!(
            "A branch called '{}' already exists. Switch to that branch in order to make changes",
            order.branch
        )),
        Refused::Missing(What::Branch) => Problem::bad("You can only create or edit files when you are on a branch"),
        Refused::Missing(What::Commit) => {
            let start = order.start.as_deref().unwrap_or_default();
            Problem::bad(format!("Invalid reference name: {start}"))
        }
        Refused::Stale(_) => Problem::bad(UPDATED),
        Refused::NothingBetween => Problem::bad("Something went wrong. Your changes were not committed"),
        Refused::Protected => Problem::bad("You are not allowed to push into this branch"),
        Refused::BadName => Problem::parameter("file_path should be a valid file path"),
        other => other.into(),
    }
}

/// Makes the one change of a request, and answers its branch. `stale` words that the file has changed since it was seen.
fn write(
    ask: &Ask,
    stale: &str,
    action: impl FnOnce(String, Option<String>) -> Result<FileAction, Problem>,
) -> Result<String, Problem> {
    let path = ask.part(1)?.to_owned();
    let action = action(path, ask.input.filled("last_commit_id")?)?;
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let order = Order::read(ask, data.forge.user)?;
    let made = data.forge.commit_files(id, &order.draft(&[action]));
    made.map_err(|refused| match refused {
        Refused::Stale(_) => Problem::bad(stale),
        other => worded(other, &order),
    })?;
    Ok(order.branch)
}

fn content(input: &Input) -> Result<Bytes, Problem> {
    Ok(input.content("content")?.unwrap_or_default())
}

pub(crate) async fn create(ask: Ask) -> Answer {
    ask.input.require(&["branch", "commit_message", "content"])?;
    let branch = write(&ask, UPDATED, |path, _| {
        let content = content(&ask.input)?;
        Ok(FileAction::Create { path, content })
    })?;
    created(json!({ "file_path": ask.part(1)?, "branch": branch }))
}

pub(crate) async fn update(ask: Ask) -> Answer {
    ask.input.require(&["branch", "commit_message", "content"])?;
    let branch = write(&ask, UPDATED, |path, known| {
        let content = content(&ask.input)?;
        Ok(FileAction::Update { path, content, known })
    })?;
    Ok(Json(json!({ "file_path": ask.part(1)?, "branch": branch })).into_response())
}

pub(crate) async fn delete(ask: Ask) -> Answer {
    ask.input.require(&["branch", "commit_message"])?;
    write(&ask, REMOVED, |path, known| Ok(FileAction::Delete { path, known }))?;
    gone()
}

/// A commit of many changes.
pub(crate) async fn commit(ask: Ask) -> Answer {
    ask.input.require(&["branch", "commit_message", "actions"])?;
    let parts = ask.input.parts("actions")?;
    if parts.is_empty() {
        return Err(Problem::parameter("actions is empty"));
    }
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let repo = data.forge.by_id(id)?;
    let order = Order::read(&ask, data.forge.user)?;
    let actions: Vec<FileAction> = parts
        .iter()
        .enumerate()
        .map(|(at, part)| action(repo, &order, at, part))
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    let made = data.forge.commit_files(id, &order.draft(&actions));
    let commit = made.map_err(|refused| match refused {
        // This route looks for the right to push before all else.
        Refused::Protected => Problem::message(
            StatusCode::FORBIDDEN,
            "403 Forbidden - You are not allowed to push into this branch",
        ),
        other => worded(other, &order),
    })?;
    let repo = data.forge.by_id(id)?;
    let mut shown = ask.gitlab.links().whole_commit(&data, repo, &commit);
    if ask.input.flag("stats")? == Some(false) {
        shown.as_object_mut().map(|fields| fields.remove("stats"));
    } else {
        shown["stats"] = stats(repo, &commit);
    }
    created(shown)
}

/// One of the changes; `None`: it changes nothing that is kept here.
fn action(repo: &Repo, order: &Order, at: usize, part: &Input) -> Result<Option<FileAction>, Problem> {
    let named = |name: &str| {
        let text = part.filled(name)?;
        text.ok_or_else(|| Problem::parameter(format!("actions[{at}][{name}] is missing")))
    };
    let (kind, path) = (named("action")?, named("file_path")?);
    let known = part.filled("last_commit_id")?;
    let action = match kind.as_str() {
        "create" => FileAction::Create {
            path,
            content: content(part)?,
        },
        "update" => FileAction::Update {
            path,
            content: content(part)?,
            known,
        },
        "delete" => FileAction::Delete { path, known },
        "move" => FileAction::Move {
            from: named("previous_path")?,
            path,
            content: part.content("content")?,
            known,
        },
        "chmod" => {
            let on = order.start.as_deref().unwrap_or(&order.branch);
            let there = repo
                .resolve(Some(on))
                .is_some_and(|commit| commit.tree.file(&path).is_some());
            return match there {
                true => Ok(None),
                false => Err(worded(Refused::Missing(What::File), order)),
            };
        }
        _ => {
            let words = format!("actions[{at}][action] does not have a valid value");
            return Err(Problem::parameter(words));
        }
    };
    Ok(Some(action))
}
