//! Merge requests: listed, read, opened, changed.
//!
//! Invariant: whether one can be merged is being checked for the first who reads it after a side moved.

use http::StatusCode;
use serde_json::json;

use super::ask::{Answer, Ask, created, ok};
use super::commits::found;
use super::objects::commit::diff;
use super::objects::merge::MergeAt;
use super::objects::user_id;
use super::page;
use super::problem::Problem;
use super::{Data, quick};
use crate::sandbox::forge::{Issue, PullDraft, PullEdit, Refused, What};
use crate::sandbox::seed::GUEST;

/// What `PUT` knows; without any of them it has nothing to do.
const KNOWN: &[&str] = &[
    "add_labels",
    "allow_collaboration",
    "assignee_id",
    "assignee_ids",
    "description",
    "discussion_locked",
    "labels",
    "milestone_id",
    "remove_labels",
    "remove_source_branch",
    "reviewer_ids",
    "squash",
    "state_event",
    "target_branch",
    "title",
];

/// The merge request that the path names second.
pub(crate) fn at<'a>(ask: &Ask, data: &'a Data) -> Result<MergeAt<'a>, Problem> {
    let repo = ask.project(data)?;
    MergeAt::find(data, repo, ask.number(1)?).ok_or_else(Problem::not_found)
}

/// A title's text behind its mark, if it has one.
fn unmarked(title: &str) -> Option<&str> {
    let marks = ["draft:", "[draft]", "(draft)"];
    let head = |mark: &str| {
        title
            .get(..mark.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(mark))
    };
    let mark = marks.into_iter().find(|mark| head(mark))?;
    Some(title[mark.len()..].trim_start())
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

pub(crate) async fn create(ask: Ask) -> Answer {
    ask.input.require(&["source_branch", "target_branch", "title"])?;
    let (source, target) = (
        ask.input.required("source_branch")?,
        ask.input.required("target_branch")?,
    );
    let title = ask.input.required("title")?;
    let (body, commands) = quick::split(&ask.input.text("description")?.unwrap_or_default());
    let mut data = ask.gitlab.data();
    let from = ask.writable(&data)?;
    let to = match ask.input.text("target_project_id")? {
        Some(key) => data.project(&ask, &key)?.id,
        None => from,
    };
    if from == to && source == target {
        let words = json!(["You can't use same project/branch for source and target"]);
        return Err(Problem::error(StatusCode::UNPROCESSABLE_ENTITY, words));
    }
    let draft = PullDraft {
        title: &title,
        body: Some(&body),
        head_repo: from,
        head: &source,
        base: &target,
        draft: unmarked(&title).is_some(),
    };
    let opened = data.forge.open_pull(to, &draft, true);
    let number = opened.map_err(|refused| refusal(&data, refused, (from, to), &source, &target))?;
    data.own.wish_mut(to, number).fresh = true;
    settings(&ask, &mut data, to, number)?;
    quick::carry_out(&mut data, to, number, &commands);
    let at = MergeAt::find(&data, data.forge.by_id(to)?, number).ok_or_else(Problem::not_found)?;
    created(ask.gitlab.links().whole_merge(&at))
}

/// Why one is not opened, in the words of its fields.
fn refusal(data: &Data, refused: Refused, (from, to): (u64, u64), source: &str, target: &str) -> Problem {
    match refused {
        Refused::Exists(_) => {
            let same = |issue: &&Issue| {
                let pull = issue.pull.as_ref().filter(|_| issue.open);
                pull.is_some_and(|pull| pull.comes_from(from, source) && pull.base == target)
            };
            let repo = data.forge.by_id(to).ok();
            let there = repo.and_then(|repo| repo.issues.iter().find(same));
            let number = there.map(|issue| issue.number).unwrap_or_default();
            let words = format!("Another open merge request already exists for this source branch: !{number}");
            Problem::message(StatusCode::CONFLICT, json!([words]))
        }
        Refused::Missing(What::Branch) => {
            let repo = data.forge.by_id(to).ok();
            let field = match repo.is_some_and(|repo| repo.branches.contains_key(target)) {
                true => "source_branch",
                false => "target_branch",
            };
            Problem::field(field, "does not exist")
        }
        Refused::Unrelated => {
            let words = json!(["Source project is not a fork of the target project"]);
            Problem::error(StatusCode::UNPROCESSABLE_ENTITY, words)
        }
        other => other.into(),
    }
}

/// Logins by the numbers of people; those who are nobody are passed over.
fn people(data: &Data, numbers: &[String]) -> Vec<String> {
    let logins = [data.forge.user, GUEST];
    let known = logins
        .into_iter()
        .filter(|login| numbers.contains(&user_id(login).to_string()));
    known.map(str::to_owned).collect()
}

/// What is set of a merge request beside its texts.
fn settings(ask: &Ask, data: &mut Data, repo: u64, number: u64) -> Result<(), Problem> {
    let assignees = ask.input.texts("assignee_ids")?.or(ask.input.texts("assignee_id")?);
    let assignees = assignees.map(|numbers| people(data, &numbers));
    let reviewers = ask.input.texts("reviewer_ids")?.map(|numbers| people(data, &numbers));
    let (squash, remove) = (ask.input.flag("squash")?, ask.input.flag("remove_source_branch")?);
    let (labels, more) = (ask.input.texts("labels")?, ask.input.texts("add_labels")?);
    let less = ask.input.texts("remove_labels")?.unwrap_or_default();
    let wish = data.own.wish_mut(repo, number);
    wish.squash = squash.unwrap_or(wish.squash);
    wish.remove_branch = remove.or(wish.remove_branch);
    wish.reviewers = reviewers.unwrap_or(std::mem::take(&mut wish.reviewers));
    let issue = data
        .forge
        .by_id_mut(repo)?
        .issue_mut(number)
        .ok_or_else(Problem::not_found)?;
    issue.assignees = assignees.unwrap_or(std::mem::take(&mut issue.assignees));
    issue.labels = labels.unwrap_or(std::mem::take(&mut issue.labels));
    issue.labels.retain(|label| !less.contains(label));
    label(data, repo, number, &more.unwrap_or_default())
}

/// Adds labels that are not there yet.
pub(crate) fn label(data: &mut Data, repo: u64, number: u64, names: &[String]) -> Result<(), Problem> {
    let issue = data
        .forge
        .by_id_mut(repo)?
        .issue_mut(number)
        .ok_or_else(Problem::not_found)?;
    for name in names {
        if !issue.labels.contains(name) {
            issue.labels.push(name.clone());
        }
    }
    Ok(())
}

/// Gives it another title, which says whether it is a draft.
pub(crate) fn retitle(data: &mut Data, repo: u64, number: u64, title: &str) -> Result<(), Problem> {
    let edit = PullEdit {
        title: Some(title.to_owned()),
        draft: Some(unmarked(title).is_some()),
        ..PullEdit::default()
    };
    Ok(data.forge.edit_pull(repo, number, edit)?)
}

/// Makes it a draft by its title, or makes it none.
pub(crate) fn set_draft(data: &mut Data, repo: u64, number: u64, draft: bool) -> Result<(), Problem> {
    let issue = data.forge.by_id(repo)?.issue(number).ok_or_else(Problem::not_found)?;
    let title = match (unmarked(&issue.title), draft) {
        (None, true) => format!("Draft: {}", issue.title),
        (Some(text), false) => text.to_owned(),
        _ => return Ok(()),
    };
    retitle(data, repo, number, &title)
}

pub(crate) async fn update(ask: Ask) -> Answer {
    if !KNOWN.iter().any(|name| ask.input.says(name)) {
        let words = format!(
            "{} are missing, at least one parameter must be provided",
            KNOWN.join(", ")
        );
        return Err(Problem::parameter(words));
    }
    let event = ask.input.choice("state_event", &["", "close", "reopen"])?;
    let (title, base) = (ask.input.filled("title")?, ask.input.filled("target_branch")?);
    let text = ask.input.text("description")?.map(|text| quick::split(&text));
    let mut data = ask.gitlab.data();
    let repo = ask.writable(&data)?;
    let at_first = at(&ask, &data)?;
    let (number, merged) = (at_first.issue.number, at_first.pull.merged.is_some());
    let edit = PullEdit {
        draft: title.as_ref().map(|title| unmarked(title).is_some()),
        title,
        body: text.as_ref().map(|(text, _)| Some(text.clone())),
        open: match event {
            "close" => Some(false),
            // What is merged stays so, and nobody is told.
            "reopen" if !merged => Some(true),
            _ => None,
        },
        base,
    };
    let reopens = edit.open == Some(true);
    data.forge
        .edit_pull(repo, number, edit)
        .map_err(|refused| match refused {
            Refused::Missing(What::Branch) if reopens => Problem::field("source_branch", "does not exist"),
            Refused::Missing(What::Branch) => Problem::field("target_branch", "does not exist"),
            other => other.into(),
        })?;
    settings(&ask, &mut data, repo, number)?;
    if let Some((_, commands)) = text {
        quick::carry_out(&mut data, repo, number, &commands);
    }
    ok(ask.gitlab.links().whole_merge(&at(&ask, &data)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_known_by_its_title() {
        assert_eq!(unmarked("Draft: x"), Some("x"));
        assert_eq!((unmarked("[draft] x"), unmarked("(DRAFT)x")), (Some("x"), Some("x")));
        assert_eq!(
            (unmarked("Drafty"), unmarked("WIP: x"), unmarked("Grüße")),
            (None, None, None)
        );
    }
}
