//! Merge requests that are opened and changed.
//!
//! Invariant: a text is kept without its commands, which are carried out.

use http::StatusCode;
use serde_json::json;

use super::ask::{Answer, Ask, created, ok};
use super::data::Data;
use super::merge_edits::{label, unmarked};
use super::merges::at;
use super::objects::merge::MergeAt;
use super::objects::user_id;
use super::problem::Problem;
use super::quick;
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
    let settings = Settings::read(&ask, &data)?;
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
    settings.apply(&mut data, to, number)?;
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
struct Settings {
    assignees: Option<Vec<String>>,
    reviewers: Option<Vec<String>>,
    squash: Option<bool>,
    remove_branch: Option<bool>,
    labels: Option<Vec<String>>,
    more_labels: Vec<String>,
    less_labels: Vec<String>,
}

impl Settings {
    /// Read before anything is changed, so that a wrong one leaves nothing behind.
    fn read(ask: &Ask, data: &Data) -> Result<Self, Problem> {
        let input = &ask.input;
        let named = |numbers: Option<Vec<String>>| numbers.map(|numbers| people(data, &numbers));
        Ok(Self {
            assignees: named(input.texts("assignee_ids")?.or(input.texts("assignee_id")?)),
            reviewers: named(input.texts("reviewer_ids")?),
            squash: input.flag("squash")?,
            remove_branch: input.flag("remove_source_branch")?,
            labels: input.texts("labels")?,
            more_labels: input.texts("add_labels")?.unwrap_or_default(),
            less_labels: input.texts("remove_labels")?.unwrap_or_default(),
        })
    }

    fn apply(self, data: &mut Data, repo: u64, number: u64) -> Result<(), Problem> {
        let wish = data.own.wish_mut(repo, number);
        wish.squash = self.squash.unwrap_or(wish.squash);
        wish.remove_branch = self.remove_branch.or(wish.remove_branch);
        wish.reviewers = self.reviewers.unwrap_or(std::mem::take(&mut wish.reviewers));
        let found = data.forge.by_id_mut(repo)?.issue_mut(number);
        let issue = found.ok_or_else(Problem::not_found)?;
        issue.assignees = self.assignees.unwrap_or(std::mem::take(&mut issue.assignees));
        issue.labels = self.labels.unwrap_or(std::mem::take(&mut issue.labels));
        issue.labels.retain(|label| !self.less_labels.contains(label));
        label(data, repo, number, &self.more_labels)
    }
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
    let settings = Settings::read(&ask, &data)?;
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
    settings.apply(&mut data, repo, number)?;
    if let Some((_, commands)) = text {
        quick::carry_out(&mut data, repo, number, &commands);
    }
    ok(ask.gitlab.links().whole_merge(&at(&ask, &data)?))
}
