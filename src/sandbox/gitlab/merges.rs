//! Merge requests that are listed and read.
//!
//! Invariant: whether one can be merged is being checked for the first who reads it after a side moved.

use super::ask::{Answer, Ask, ok};
use super::commits::found;
use super::data::Data;
use super::objects::commit::diff;
use super::objects::merge::MergeAt;
use super::objects::user_id;
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::Issue;

/// The merge request that the path names second.
pub(crate) fn at<'a>(ask: &Ask, data: &'a Data) -> Result<MergeAt<'a>, Problem> {
    let repo = ask.project(data)?;
    MergeAt::find(data, repo, ask.number(1)?).ok_or_else(Problem::not_found)
}

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let all = repo.issues.iter().filter(|issue| issue.is_pull());
    let all = all
        .filter_map(|issue| MergeAt::find(&data, repo, issue.number))
        .collect();
    listed(&ask, all)
}

/// Those of all projects; the caller's own unless others are asked for.
pub(crate) async fn list_all(ask: Ask) -> Answer {
    let scope = ask
        .input
        .choice("scope", &["created_by_me", "created-by-me", "assigned_to_me", "all"])?;
    let data = ask.gitlab.data();
    let wanted = |issue: &&Issue| {
        issue.is_pull()
            && match scope {
                "all" => true,
                "assigned_to_me" => issue.assignees.iter().any(|login| login == data.forge.user),
                _ => issue.author == data.forge.user,
            }
    };
    let all = data.forge.repos.iter().flat_map(|repo| {
        let issues = repo.issues.iter().filter(wanted);
        issues.filter_map(|issue| MergeAt::find(&data, repo, issue.number))
    });
    listed(&ask, all.collect())
}

/// Those whose head, or whose merge, is this commit or has it behind it.
pub(crate) async fn of_commit(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let id = &found(&ask, repo)?.id;
    let brings = |at: &MergeAt<'_>| {
        let brought = repo.brought_by(at.pull);
        brought.is_ok_and(|brought| brought.ahead.iter().any(|commit| commit.id == *id))
    };
    let all = repo
        .issues
        .iter()
        .filter_map(|issue| MergeAt::find(&data, repo, issue.number));
    listed(&ask, all.filter(brings).collect())
}

/// Those that the query asks for, in its order.
fn listed(ask: &Ask, mut all: Vec<MergeAt<'_>>) -> Answer {
    let state = ask
        .input
        .choice("state", &["all", "opened", "closed", "merged", "locked"])?;
    let order = ask.input.choice(
        "order_by",
        &["created_at", "updated_at", "title", "merged_at", "priority"],
    )?;
    let rising = ask.input.choice("sort", &["desc", "asc"])? == "asc";
    let (source, target) = (ask.input.filled("source_branch")?, ask.input.filled("target_branch")?);
    let (author, author_id) = (ask.input.filled("author_username")?, ask.input.number("author_id")?);
    let (labels, numbers) = (ask.input.texts("labels")?, ask.input.texts("iids")?);
    let search = ask.input.text("search")?.unwrap_or_default().to_lowercase();
    all.retain(|at| {
        let texts = format!("{} {}", at.issue.title, at.issue.body.as_deref().unwrap_or_default());
        (state == "all" || at.state() == state)
            && source.as_ref().is_none_or(|source| at.pull.head == *source)
            && target.as_ref().is_none_or(|target| at.pull.base == *target)
            && author.as_ref().is_none_or(|author| at.issue.author == author)
            && author_id.is_none_or(|id| user_id(at.issue.author) == id)
            && labels.iter().flatten().all(|label| at.issue.labels.contains(label))
            && numbers
                .as_ref()
                .is_none_or(|numbers| numbers.contains(&at.issue.number.to_string()))
            && texts.to_lowercase().contains(&search)
    });
    match order {
        "title" => all.sort_by_key(|at| (&at.issue.title, at.issue.number)),
        "updated_at" => all.sort_by_key(|at| (&at.issue.updated_at, at.issue.number)),
        _ => all.sort_by_key(|at| (&at.issue.created_at, at.issue.number)),
    }
    if !rising {
        all.reverse();
    }
    let links = ask.gitlab.links();
    page::answer(ask, &all, |at| links.merge(at))
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let (repo, number) = {
        let at = at(&ask, &data)?;
        (at.repo.id, at.issue.number)
    };
    let wish = data.own.wish_mut(repo, number);
    (wish.read, wish.fresh) = (true, false);
    let shown = ask.gitlab.links().whole_merge(&at(&ask, &data)?);
    // The next one who reads it gets the answer.
    data.forge.ask_mergeable(repo, number);
    ok(shown)
}

pub(crate) async fn diffs(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let at = at(&ask, &data)?;
    let brought = at.repo.brought_by(at.pull)?;
    page::answer(&ask, &brought.files, diff)
}

pub(crate) async fn changes(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let at = at(&ask, &data)?;
    let brought = at.repo.brought_by(at.pull)?;
    let mut shown = ask.gitlab.links().whole_merge(&at);
    shown["changes"] = brought.files.iter().map(diff).collect();
    shown["overflow"] = false.into();
    ok(shown)
}

pub(crate) async fn commits(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let at = at(&ask, &data)?;
    let mut brought = at.repo.brought_by(at.pull)?.ahead;
    brought.reverse();
    let links = ask.gitlab.links();
    page::answer(&ask, &brought, |commit| links.commit(at.repo, commit))
}
