//! Merge requests that are merged: at once, or when CI has said yes.
//!
//! Invariant: a merge that is refused changes nothing, and one that waits is done at most once.

use http::StatusCode;

use super::ask::{Answer, Ask, ok};
use super::data::Data;
use super::merges::at;
use super::objects::merge::MergeAt;
use super::problem::Problem;
use crate::sandbox::forge::{MergeStyle, Merging, Refused};

/// What CI says of the head of a merge request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ci {
    /// Nothing at all.
    Silent,
    Unfinished,
    Good,
    Bad,
}

fn ci(at: &MergeAt<'_>) -> Ci {
    let said = at.repo.latest_statuses(&at.pull.head_id);
    let any = |states: &[&str]| said.iter().any(|status| states.contains(&status.state.as_str()));
    match () {
        () if said.is_empty() => Ci::Silent,
        () if any(&["failed", "canceled"]) => Ci::Bad,
        () if any(&["pending", "running"]) => Ci::Unfinished,
        () => Ci::Good,
    }
}

fn stale(head: &str) -> Problem {
    let words = format!("SHA does not match HEAD of source branch: {head}");
    Problem::message(StatusCode::CONFLICT, words)
}

fn cannot() -> Problem {
    Problem::message(StatusCode::UNPROCESSABLE_ENTITY, "Branch cannot be merged")
}

pub(crate) async fn merge(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    if !data.member(repo) {
        return Err(Problem::unauthorized());
    }
    let repo = ask.writable(&data)?;
    let (squash, remove) = (
        ask.input.flag("squash")?,
        ask.input.flag("should_remove_source_branch")?,
    );
    let waits = ask.input.asks("auto_merge")? || ask.input.asks("merge_when_pipeline_succeeds")?;
    let message = ask.input.filled("merge_commit_message")?;
    let squash_message = ask.input.filled("squash_commit_message")?;
    let sha = ask.input.filled("sha")?;
    let (number, ci) = {
        let at = at(&ask, &data)?;
        let ready = at.issue.open && at.pull.merged.is_none() && !at.pull.draft;
        let ci = ci(&at);
        // Asked to wait, it is merged only by what CI has said.
        if !ready || (waits && matches!(ci, Ci::Silent | Ci::Bad)) {
            return Err(Problem::not_allowed());
        }
        if sha.is_some_and(|sha| sha != at.pull.head_id) {
            return Err(stale(&at.pull.head_id));
        }
        (at.issue.number, ci)
    };
    let before = data.own.wish(repo, number);
    let wish = data.own.wish_mut(repo, number);
    wish.squash = squash.unwrap_or(wish.squash);
    wish.remove_branch = remove.or(wish.remove_branch);
    if waits && ci == Ci::Unfinished {
        wish.auto = true;
    } else {
        let message = if wish.squash { squash_message } else { message };
        let merged = now(&mut data, repo, number, message.as_deref());
        if let Err(problem) = merged {
            *data.own.wish_mut(repo, number) = before;
            return Err(problem);
        }
    }
    ok(ask.gitlab.links().whole_merge(&at(&ask, &data)?))
}

/// Merges at once, and removes the branch if that was wished; the answer is the commit.
pub(crate) fn now(data: &mut Data, repo: u64, number: u64, message: Option<&str>) -> Result<String, Problem> {
    let wish = data.own.wish(repo, number);
    let found = data.forge.by_id(repo)?;
    let (issue, pull) = found.pull(number).ok_or_else(Problem::not_found)?;
    let usual = match wish.squash {
        true => issue.title.clone(),
        false => format!(
            "Merge branch '{}' into '{}'\n\n{}\n\nSee merge request {}!{number}",
            pull.head, pull.base, issue.title, found.full_name
        ),
    };
    let (head_repo, head) = (pull.head_repo, pull.head.clone());
    let merging = Merging {
        style: if wish.squash {
            MergeStyle::Squash
        } else {
            MergeStyle::Merge
        },
        head: None,
        message: message.unwrap_or(&usual),
    };
    let merged = data.forge.merge_pull(repo, number, &merging);
    let commit = merged.map_err(|refused| match refused {
        Refused::Merged | Refused::Closed | Refused::Draft => Problem::not_allowed(),
        Refused::Conflict(_) | Refused::NothingBetween => cannot(),
        other => other.into(),
    })?;
    data.own.wish_mut(repo, number).auto = false;
    let own = data.forge.by_id(head_repo).is_ok_and(|from| data.member(from));
    if own && wish.remove_branch == Some(true) {
        // A branch that may not go stays, and the merge is none the worse for it.
        if let Err(refused) = data.forge.delete_branch(head_repo, &head) {
            tracing::debug!(?refused, "sandbox: a merged branch stays");
        }
    }
    Ok(commit)
}

/// CI said something of a commit: what waited for it is merged, or waits no more.
pub(crate) fn settle(data: &mut Data, commit: &str) {
    let waiting: Vec<(u64, u64)> = data
        .own
        .wishes
        .iter()
        .filter(|(_, wish)| wish.auto)
        .map(|(at, _)| *at)
        .collect();
    for (repo, number) in waiting {
        let found = data.forge.by_id(repo).ok();
        let said = found
            .and_then(|found| MergeAt::find(data, found, number))
            .filter(|at| at.pull.head_id == commit);
        let merged = match said.map(|at| ci(&at)) {
            Some(Ci::Good) => now(data, repo, number, None).map(drop),
            Some(Ci::Bad) => Err(cannot()),
            _ => continue,
        };
        if let Err(problem) = merged {
            tracing::debug!(?problem, "sandbox: a merge waits no more");
            data.own.wish_mut(repo, number).auto = false;
        }
    }
}
