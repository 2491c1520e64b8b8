//! Issues that are made and changed.
//!
//! Invariant: a word, a label or a person that the data source does not take is refused before anything is written.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value, json};

use super::super::making::readable;
use super::super::pages::holds;
use super::super::text::Text;
use super::super::{Notion, convert as pages, markdown, tree, wire};
use super::issues::{Found, mapped, no_milestones};
use super::schema::{Property, Tracker};
use super::{account, convert};
use crate::catalogue::fields::{Name, PersonRef};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::person::Person;
use crate::catalogue::projects::{
    Clearable, CloseReason, Issue, IssueAssign, IssueClose, IssueCreate, IssueCreateInput, IssueDelete, IssueReopen,
    IssueState, IssueUpdate,
};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request, tracker};

/// The value of a property of labels: names that are there. One that is not would be made by being written.
pub fn labelled(property: &Property, labels: &[Name]) -> Result<Value, Failure> {
    if let Some(strange) = labels.iter().find(|label| !property.has(label)) {
        let sentence = format!("labels: the project has no label {}", &**strange);
        return Err(Failure::invalid("labels", sentence));
    }
    let names: Vec<Value> = labels.iter().map(|label| json!({"name": &**label})).collect();
    Ok(json!({ "multi_select": names }))
}

/// The accounts that are meant, each once.
fn accounts(notion: &Notion, people: &[PersonRef]) -> Result<Vec<String>, Failure> {
    let mut ids: Vec<String> = vec![];
    for (index, person) in people.iter().enumerate() {
        // Of several the one that is none is named.
        let field = match people.len() {
            1 => "assignees".to_owned(),
            _ => format!("assignees[{index}]"),
        };
        let id = account(notion, person, &field)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn assigned(accounts: &[String]) -> Value {
    let ids: Vec<Value> = accounts.iter().map(|id| json!({ "id": id })).collect();
    json!({ "people": ids })
}

/// The value of a property of the status.
pub fn in_status(property: &Property, word: &str) -> Value {
    json!({property.kind.as_str(): {"name": word}})
}

impl Notion {
    /// The labels of an issue as they are to be written; where one is not known, the data source is read once more.
    pub(in super::super) async fn labels_of(
        &self,
        tracker: &Tracker,
        labels: &[Name],
    ) -> Result<(String, Value), Failure> {
        let property = mapped(tracker.labels.as_ref(), "labels", "labels")?;
        if let Ok(value) = labelled(property, labels) {
            return Ok((property.id.clone(), value));
        }
        let tracker = self.tracker_anew(&tracker.source).await?;
        let property = mapped(tracker.labels.as_ref(), "labels", "labels")?;
        Ok((property.id.clone(), labelled(property, labels)?))
    }
}

pub async fn create(notion: Arc<Notion>, request: Request<IssueCreate>) -> Result<Reply<Issue>, Failure> {
    let input = &request.input;
    no_milestones(input.milestone.is_some())?;
    let text = Text::of_new(input.body.as_deref().unwrap_or_default())?;
    if let Some(lost) = text.lost.first() {
        return Err(unsayable(&lost.what));
    }
    let people = accounts(&notion, &input.assignees)?;
    let tracker = notion.tracker(&request.native, "project").await?;
    let mut properties = pages::titled(&input.title);
    if !input.labels.is_empty() {
        let (id, value) = notion.labels_of(&tracker, &input.labels).await?;
        properties[id] = value;
    }
    if !input.assignees.is_empty() {
        let property = mapped(tracker.assignee.as_ref(), "assignees", "assignee")?;
        properties[property.id.as_str()] = assigned(&people);
    }
    if let Some(day) = input.due_on.as_deref() {
        let property = mapped(tracker.due.as_ref(), "due_on", "due")?;
        properties[property.id.as_str()] = json!({"date": {"start": day}});
    }
    let parent = json!({"type": "data_source_id", "data_source_id": tracker.source});
    let body = json!({"parent": parent, "properties": properties});
    let made = notion
        .make(&request.instance, body, &text.blocks, request.deadline)
        .await;
    let made = match made {
        Ok(made) => made,
        Err(failure) => return Err(notion.drift(&tracker, failure).await),
    };
    let row: Row<wire::Page> = made.row(request.include_raw)?;
    let tracker = notion.knowing_behind(&request.instance, &tracker, &row.wire).await;
    let partial = row.wire.properties.is_empty();
    let body = input.body.as_ref().map(|_| markdown::write(&text.blocks));
    let mut issue = convert::issue(&request.instance, &tracker, row, body);
    match partial {
        // What is not told again was taken: Notion refuses what it does not take.
        true => issue = as_asked(input, people, issue),
        false => {
            let people: Vec<&str> = people.iter().map(String::as_str).collect();
            tracker::note_missing(input, &people, &mut issue);
        }
    }
    Ok(made.reply(issue))
}

/// An issue that is told without its properties, because our connection may not read.
fn as_asked(input: &IssueCreateInput, accounts: Vec<String>, told: Issue) -> Issue {
    let person = |id| Person {
        id: Some(id),
        ..Person::default()
    };
    Issue {
        title: input.title.to_string(),
        labels: input.labels.iter().map(ToString::to_string).collect(),
        assignees: accounts.into_iter().map(person).collect(),
        due_on: input.due_on.as_ref().map(ToString::to_string),
        ..told
    }
}

/// An issue has no place for what is lost, so that nothing may be.
fn unsayable(what: &str) -> Failure {
    let sentence = format!("body says what this provider cannot keep: {what}");
    Failure::unsupported_field("body", sentence).never_sent()
}

pub async fn update(notion: Arc<Notion>, request: Request<IssueUpdate>) -> Result<Reply<Issue>, Failure> {
    let input = &request.input;
    no_milestones(input.milestone.is_some() || input.clear.contains(&Clearable::Milestone))?;
    let text = input.body.as_deref().map(Text::read).transpose()?;
    if let Some(lost) = text.as_ref().and_then(|text| text.lost.first()) {
        return Err(unsayable(&lost.what));
    }
    let of_text = input.if_match.as_deref().is_some_and(tree::tells_text);
    if text.is_some() && input.if_match.is_some() && !of_text {
        let sentence = "if_match is a time, which does not tell all changes of a body at this provider: give the version that \
                        docs.page.get tells of the issue's page";
        return Err(Failure::unsupported_field("if_match", sentence).never_sent());
    }
    let found = notion
        .issue(&request.native, request.include_raw, request.deadline)
        .await?;
    let tree = match text.is_some() || of_text {
        true => Some(notion.tree(&found.id, request.deadline).await?),
        false => None,
    };
    let changed = found.row.wire.last_edited_time.clone().text();
    match of_text {
        true => {
            let title = pages::title(&found.row.wire);
            holds(tree.as_ref(), input.if_match.as_deref(), changed.as_deref(), &title)?;
        }
        false => tracker::unchanged(&found.received, input.if_match.as_deref(), changed.as_deref())?,
    }
    let mut properties = match &input.title {
        Some(title) => pages::titled(title),
        None => json!({}),
    };
    let cleared = input.clear.contains(&Clearable::DueOn);
    if input.due_on.is_some() || cleared {
        let property = mapped(found.tracker.due.as_ref(), "due_on", "due")?;
        let date = input.due_on.as_deref().map(|day| json!({"start": day}));
        properties[property.id.as_str()] = json!({ "date": date });
    }
    // A text that is not written is not told either.
    let body = match text.zip(tree) {
        Some((text, tree)) => {
            let place = (&request.instance, found.id.as_str());
            let replaced = notion.replace(place, &tree.blocks, text.blocks, false, request.deadline);
            Some(replaced.await?.body)
        }
        None => None,
    };
    if properties.as_object().is_none_or(Map::is_empty) {
        let now = notion.page_behind(&request.instance, &found.id).await;
        let now = now
            .as_ref()
            .and_then(|now| readable(now, &request.instance, request.include_raw));
        let row = now.unwrap_or(found.row);
        let tracker = notion
            .knowing_behind(&request.instance, &found.tracker, &row.wire)
            .await;
        let issue = convert::issue(&request.instance, &tracker, row, body);
        return Ok(found.received.reply(issue));
    }
    let written = notion.write(&found, &properties, request.deadline).await;
    let received = written.map_err(|failure| match input.body.is_some() {
        true => {
            let mut failure = failure.also("the issue's text was written, and the rest was not");
            (failure.retryable, failure.unsent) = (false, false);
            failure
        }
        false => failure,
    })?;
    let of = (&*request.instance, &found.tracker);
    let mut reply = told(&notion, of, &received, request.include_raw, body).await?;
    tracker::note_unchanged(input, None, &mut reply.value);
    Ok(reply)
}

impl Notion {
    /// Writes properties of an issue.
    pub(in super::super) async fn write(
        &self,
        found: &Found,
        properties: &Value,
        deadline: tokio::time::Instant,
    ) -> Result<Received, Failure> {
        let body = json!({ "properties": properties });
        let outgoing = || self.endpoint.patch(&["pages", &found.id], &body);
        match self.patient(deadline, outgoing).await {
            Ok(received) => Ok(received),
            Err(failure) => Err(self.drift(&found.tracker, failure).await),
        }
    }
}

async fn told(
    notion: &Notion,
    (instance, tracker): (&str, &Arc<Tracker>),
    received: &Received,
    with_raw: bool,
    body: Option<String>,
) -> Result<Reply<Issue>, Failure> {
    let row: Row<wire::Page> = received.row(with_raw)?;
    let tracker = notion.knowing_behind(instance, tracker, &row.wire).await;
    Ok(received.reply(convert::issue(instance, &tracker, row, body)))
}

pub async fn close(notion: Arc<Notion>, request: Request<IssueClose>) -> Result<Reply<Issue>, Failure> {
    let found = notion
        .issue(&request.native, request.include_raw, request.deadline)
        .await?;
    let tracker = found.tracker.clone();
    let reason = request.input.reason;
    // What is closed already stays closed as it is, but where another reason is given.
    if reason.is_none() && convert::state(&found.row.wire, &tracker) == IssueState::Closed {
        let issue = convert::issue(&request.instance, &tracker, found.row, None);
        return Ok(found.received.reply(issue));
    }
    let (word, setting) = match reason {
        Some(CloseReason::NotPlanned) => (&tracker.not_planned, "not_planned"),
        Some(CloseReason::Completed) | None => (&tracker.close, "close"),
    };
    let Some(word) = word else {
        return Err(match reason {
            Some(_) => unmapped("reason", setting),
            None => wordless("close", "closed"),
        });
    };
    let mut reply = turned(
        &notion,
        &found,
        word,
        &request.instance,
        request.include_raw,
        request.deadline,
    )
    .await?;
    // Where something else there has made another word of it at once.
    let other = reply.value.raw_state.as_ref().is_some_and(|now| now != word);
    if reason.is_some() && other {
        reply.value.dropped.push("reason".to_owned());
    }
    Ok(reply)
}

pub async fn reopen(notion: Arc<Notion>, request: Request<IssueReopen>) -> Result<Reply<Issue>, Failure> {
    let found = notion
        .issue(&request.native, request.include_raw, request.deadline)
        .await?;
    let tracker = found.tracker.clone();
    if convert::state(&found.row.wire, &tracker) == IssueState::Open {
        let issue = convert::issue(&request.instance, &tracker, found.row, None);
        return Ok(found.received.reply(issue));
    }
    let word = tracker.reopen.as_ref().ok_or_else(|| wordless("reopen", "reopen"))?;
    turned(
        &notion,
        &found,
        word,
        &request.instance,
        request.include_raw,
        request.deadline,
    )
    .await
}

fn unmapped(field: &str, setting: &str) -> Failure {
    let sentence = format!("no word is known for this {field}: settings.tracker.{setting} names none");
    Failure::unsupported_field(field, sentence)
}

fn wordless(what: &str, setting: &str) -> Failure {
    let sentence = format!("no word is known by which issues {what}: settings.tracker.{setting} names none");
    Failure::new(Kind::PreconditionFailed, sentence)
}

/// Puts an issue into another status.
async fn turned(
    notion: &Notion,
    found: &Found,
    word: &str,
    instance: &str,
    with_raw: bool,
    deadline: tokio::time::Instant,
) -> Result<Reply<Issue>, Failure> {
    let status = found
        .tracker
        .status
        .as_ref()
        .ok_or_else(|| wordless("close", "status"))?;
    let properties = json!({status.id.as_str(): in_status(status, word)});
    let received = notion.write(found, &properties, deadline).await?;
    told(notion, (instance, &found.tracker), &received, with_raw, None).await
}

/// There is no other way than the trash.
pub async fn delete(notion: Arc<Notion>, request: Request<IssueDelete>) -> Result<Reply<Deleted>, Failure> {
    let found = notion.issue(&request.native, false, request.deadline).await?;
    let outgoing = || {
        notion
            .endpoint
            .patch(&["pages", &found.id], &notion.version.trash(true))
    };
    let received = notion.patient(request.deadline, outgoing).await?;
    Ok(received.reply(Deleted::trashed()))
}

pub async fn assign(notion: Arc<Notion>, request: Request<IssueAssign>) -> Result<Reply<Issue>, Failure> {
    let people = accounts(&notion, &request.input.assignees)?;
    let found = notion
        .issue(&request.native, request.include_raw, request.deadline)
        .await?;
    let property = mapped(found.tracker.assignee.as_ref(), "assignees", "assignee")?;
    let properties = json!({property.id.as_str(): assigned(&people)});
    let received = notion.write(&found, &properties, request.deadline).await?;
    let of = (&*request.instance, &found.tracker);
    told(&notion, of, &received, request.include_raw, None).await
}
