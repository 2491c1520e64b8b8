//! Issues, which have numbers of their own beside those of merge requests.
//!
//! Invariant: a merge request is never found by the number of an issue.

use http::StatusCode;
use serde_json::Value;

use super::ask::{Answer, Ask, created, gone, ok};
use super::data::Data;
use super::objects::user_id;
use super::page;
use super::problem::Problem;
use super::quick::{self, Command};
use crate::sandbox::forge::{Issue, IssueEdit, Repo, State, seconds};
use crate::sandbox::seed::{GUEST, USER};

/// The longest title, in characters, and text, in bytes.
const MAX_TITLE: usize = 255;
const MAX_TEXT: usize = 65_536;

/// An issue of a project.
pub(crate) fn at<'a>(ask: &Ask, data: &'a Data) -> Result<(&'a Repo, &'a Issue), Problem> {
    let repo = ask.project(data)?;
    let issue = repo.issue(ask.number(1)?).filter(|issue| !issue.is_pull());
    Ok((repo, issue.ok_or_else(|| Problem::missing("Issue"))?))
}

/// Which issues a list is asked for.
struct Filter {
    open: Option<bool>,
    labels: Vec<String>,
    assignee: Option<String>,
    milestone: Option<String>,
    since: Option<String>,
    words: Vec<String>,
    own: bool,
}

impl Filter {
    fn of(ask: &Ask) -> Result<Self, Problem> {
        let input = &ask.input;
        let state = input.choice("state", &["all", "opened", "closed"])?;
        let scope = input.choice("scope", &["created_by_me", "assigned_to_me", "all"])?;
        let since = input.filled("updated_after")?;
        let since = since.map(|text| seconds(&text).ok_or_else(|| Problem::parameter("updated_after is invalid")));
        let words = input.filled("search")?.unwrap_or_default();
        Ok(Self {
            open: (state != "all").then_some(state == "opened"),
            labels: input.texts("labels")?.unwrap_or_default(),
            assignee: input
                .texts("assignee_username")?
                .and_then(|names| names.into_iter().next()),
            milestone: input.filled("milestone")?,
            since: since.transpose()?,
            words: words.split_whitespace().map(str::to_owned).collect(),
            own: scope == "created_by_me",
        })
    }

    fn admits(&self, repo: &Repo, issue: &Issue) -> bool {
        let title = || {
            issue
                .milestone
                .and_then(|number| repo.milestone(number))
                .map(|its| &its.title)
        };
        let has = |label: &String| issue.labels.iter().any(|own| own == label);
        let sees_to = |login: &String| issue.assignees.iter().any(|own| own.eq_ignore_ascii_case(login));
        !issue.is_pull()
            && self.open.is_none_or(|open| issue.open == open)
            && self.labels.iter().all(has)
            && self.assignee.as_ref().is_none_or(sees_to)
            && self.milestone.as_ref().is_none_or(|asked| title() == Some(asked))
            && self.since.as_ref().is_none_or(|since| issue.updated_at >= *since)
            && issue.says(&self.words)
    }
}

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let filter = Filter::of(&ask)?;
    let mut found: Vec<_> = repo.issues.iter().filter(|issue| filter.admits(repo, issue)).collect();
    found.reverse();
    let links = ask.gitlab.links();
    page::answer(&ask, &found, |issue| links.issue(repo, issue))
}

/// Of all projects; whose is said, or they are the caller's own.
pub(crate) async fn everywhere(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let filter = Filter::of(&ask)?;
    let own = |issue: &Issue| !filter.own || issue.author == data.forge.user;
    let all = data
        .forge
        .repos
        .iter()
        .flat_map(|repo| repo.issues.iter().map(move |issue| (repo, issue)));
    let found: Vec<_> = all
        .filter(|(repo, issue)| filter.admits(repo, issue) && own(issue))
        .collect();
    let links = ask.gitlab.links();
    page::answer(&ask, &found, |(repo, issue)| links.issue(repo, issue))
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let (repo, issue) = at(&ask, &data)?;
    ok(ask.gitlab.links().issue(repo, issue))
}

/// What is said of an issue, and the commands among it.
fn read(ask: &Ask, repo: &Repo) -> Result<(IssueEdit, Vec<Command>), Problem> {
    let input = &ask.input;
    let title = input.text("title")?;
    if title.as_ref().is_some_and(|title| title.trim().is_empty()) {
        return Err(Problem::field("title", "can't be blank"));
    }
    if title.as_ref().is_some_and(|title| title.chars().count() > MAX_TITLE) {
        return Err(Problem::field("title", "is too long (maximum is 255 characters)"));
    }
    let text = input.text("description")?;
    if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT) {
        return Err(Problem::field("description", "is too long"));
    }
    let (text, commands) = match text {
        Some(text) => {
            let (text, commands) = quick::split(&text);
            (Some(text), commands)
        }
        None => (None, Vec::new()),
    };
    let milestone = match input.number("milestone_id")? {
        None => None,
        Some(0) => Some(None),
        // One that there is not is passed over.
        Some(id) => repo
            .milestones
            .iter()
            .find(|its| its.id == id)
            .map(|its| Some(its.number)),
    };
    let people = input.texts("assignee_ids")?.map(|ids| {
        let known = [USER, GUEST].into_iter();
        let known = known.filter(|login| ids.iter().any(|id| *id == user_id(login).to_string()));
        known.map(str::to_owned).collect()
    });
    let open = match input.filled("state_event")?.as_deref() {
        None => None,
        Some("close") => Some(false),
        Some("reopen") => Some(true),
        Some(_) => return Err(Problem::parameter("state_event does not have a valid value")),
    };
    let day = |text: String| (!text.is_empty()).then_some(text);
    let edit = IssueEdit {
        title,
        body: text.map(Some),
        open,
        milestone,
        due_on: input.text("due_date")?.map(day),
        locked: input.flag("discussion_locked")?,
        labels: input.texts("labels")?,
        assignees: people,
        ..IssueEdit::default()
    };
    Ok((edit, commands))
}

/// Carries out what a text asks for, as far as it is known of issues; what came of it.
pub(crate) fn carry_out(
    state: &mut State,
    repo: u64,
    number: u64,
    commands: &[Command],
) -> Result<Vec<&'static str>, Problem> {
    let mut done = Vec::new();
    for command in commands {
        let labels = || {
            let issue = state.by_id(repo).ok().and_then(|repo| repo.issue(number));
            issue.map(|issue| issue.labels.clone()).unwrap_or_default()
        };
        let (name, edit) = match command {
            Command::Close => (
                "state_event",
                IssueEdit {
                    open: Some(false),
                    ..IssueEdit::default()
                },
            ),
            Command::Reopen => (
                "state_event",
                IssueEdit {
                    open: Some(true),
                    ..IssueEdit::default()
                },
            ),
            Command::Title(title) => {
                let title = Some(title.clone());
                (
                    "title",
                    IssueEdit {
                        title,
                        ..IssueEdit::default()
                    },
                )
            }
            Command::Label(names) => {
                let labels = Some(labels().into_iter().chain(names.iter().cloned()).collect());
                (
                    "add_label_ids",
                    IssueEdit {
                        labels,
                        ..IssueEdit::default()
                    },
                )
            }
            _ => continue,
        };
        state.edit_issue(repo, number, edit)?;
        done.push(name);
    }
    Ok(done)
}

pub(crate) async fn create(ask: Ask) -> Answer {
    ask.input.require(&["title"])?;
    let mut data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let (mut edit, commands) = read(&ask, repo)?;
    let (member, author, id) = (data.member(repo), data.forge.user, repo.id);
    if !member {
        (edit.labels, edit.assignees, edit.milestone, edit.due_on) = (None, None, None, None);
    }
    let labels = edit.labels.clone().unwrap_or_default();
    data.forge.ensure_labels(id, &labels)?;
    let draft = Issue {
        body: edit.body.flatten(),
        labels,
        assignees: edit.assignees.unwrap_or_default(),
        milestone: edit.milestone.flatten(),
        due_on: edit.due_on.flatten(),
        ..Issue::draft(edit.title.unwrap_or_default(), author)
    };
    let number = data.forge.create_issue(id, draft)?;
    carry_out(&mut data.forge, id, number, &commands)?;
    let repo = data.forge.by_id(id)?;
    let issue = repo.issue(number).ok_or_else(Problem::not_found)?;
    created(ask.gitlab.links().issue(repo, issue))
}

/// What of an issue can be changed; one of these must be said.
const FIELDS: [&str; 9] = [
    "title",
    "description",
    "labels",
    "assignee_ids",
    "milestone_id",
    "due_date",
    "state_event",
    "discussion_locked",
    "confidential",
];

pub(crate) async fn edit(ask: Ask) -> Answer {
    if !FIELDS.iter().any(|field| ask.input.says(field)) {
        let words = format!(
            "{} are missing, at least one parameter must be provided",
            FIELDS.join(", ")
        );
        return Err(Problem::parameter(words));
    }
    let mut data = ask.gitlab.data();
    let repo = ask.writable(&data)?;
    let (found, issue) = at(&ask, &data)?;
    let (number, (edit, commands)) = (issue.number, read(&ask, found)?);
    let labels = edit.labels.clone().unwrap_or_default();
    data.forge.ensure_labels(repo, &labels)?;
    data.forge.edit_issue(repo, number, edit)?;
    carry_out(&mut data.forge, repo, number, &commands)?;
    let repo = data.forge.by_id(repo)?;
    let issue = repo.issue(number).ok_or_else(Problem::not_found)?;
    ok(ask.gitlab.links().issue(repo, issue))
}

pub(crate) async fn delete(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let repo = ask.writable(&data)?;
    let number = at(&ask, &data)?.1.number;
    data.forge.delete_issue(repo, number)?;
    gone()
}

/// The notes of an issue: what was said, and before it what has happened.
fn notes(issue: &Issue) -> Vec<(u64, &str, &str, &str, bool)> {
    let closed = issue
        .closed_at
        .iter()
        .map(|at| (0, issue.author, "closed", at.as_str(), true));
    let said = issue.comments.iter();
    let said = said.map(|its| (its.id, its.author, its.body.as_str(), its.created_at.as_str(), false));
    closed.chain(said).collect()
}

pub(crate) async fn list_notes(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let (repo, issue) = at(&ask, &data)?;
    let rising = ask.input.choice("sort", &["desc", "asc"])? == "asc";
    let mut notes = notes(issue);
    if !rising {
        notes.reverse();
    }
    let links = ask.gitlab.links();
    page::answer(&ask, &notes, |note| links.issue_note(repo, issue, *note))
}

/// A note that is shown.
fn shown(ask: &Ask, data: &Data, id: u64) -> Result<Value, Problem> {
    let (repo, issue) = at(ask, data)?;
    let note = notes(issue).into_iter().find(|note| note.0 == id);
    let note = note.ok_or_else(|| Problem::missing("Note"))?;
    Ok(ask.gitlab.links().issue_note(repo, issue, note))
}

pub(crate) async fn get_note(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    ok(shown(&ask, &data, ask.number(2)?)?)
}

pub(crate) async fn create_note(ask: Ask) -> Answer {
    let body = ask.input.required("body")?;
    if body.trim().is_empty() {
        return Err(Problem::bad("400 Bad request - Note {:note=>[\"can't be blank\"]}"));
    }
    let (text, commands) = quick::split(&body);
    let mut data = ask.gitlab.data();
    let (repo, issue) = at(&ask, &data)?;
    let (repo, number, closed) = (repo.id, issue.number, issue.locked && !data.member(repo));
    if closed {
        return Err(Problem::forbidden());
    }
    let done = carry_out(&mut data.forge, repo, number, &commands)?;
    if !commands.is_empty() && text.is_empty() {
        let changes: serde_json::Map<String, Value> =
            done.iter().map(|name| ((*name).to_owned(), true.into())).collect();
        return match changes.is_empty() {
            true => Err(Problem::bad("400 Bad request - Commands could not be applied")),
            false => {
                let body = axum::Json(serde_json::json!({ "commands_changes": changes, "summary": [] }));
                Ok(axum::response::IntoResponse::into_response((
                    StatusCode::ACCEPTED,
                    body,
                )))
            }
        };
    }
    let said = data.forge.create_comment(repo, number, &text)?.id;
    created(shown(&ask, &data, said)?)
}

pub(crate) async fn edit_note(ask: Ask) -> Answer {
    let body = ask.input.required("body")?;
    let mut data = ask.gitlab.data();
    let (repo, _) = at(&ask, &data)?;
    let (repo, id) = (repo.id, ask.number(2)?);
    let (text, _) = quick::split(&body);
    data.forge.edit_comment(repo, id, &text)?;
    ok(shown(&ask, &data, id)?)
}

pub(crate) async fn delete_note(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let (repo, _) = at(&ask, &data)?;
    let (repo, id) = (repo.id, ask.number(2)?);
    data.forge.delete_comment(repo, id)?;
    gone()
}
