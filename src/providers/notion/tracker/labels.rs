//! Labels: the options of the property that the settings name.
//!
//! Invariant: an option that is there is never taken away by one that is added.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use super::super::Notion;
use super::issues::mapped;
use super::schema::Tracker;
use super::{Mapping, convert};
use crate::catalogue::Page;
use crate::catalogue::projects::{IssueLabels, Label, LabelCreate, LabelList, LabelSet};
use crate::catalogue::raw::Raw;
use crate::providers::{Reply, Request};

fn label(option: &Value, with_raw: bool) -> Option<Label> {
    Some(Label {
        id: option["id"].as_str().map(str::to_owned),
        name: option["name"].as_str()?.to_owned(),
        color: None,
        description: option["description"].as_str().map(str::to_owned),
        raw: with_raw
            .then(|| serde_json::value::to_raw_value(option).ok().map(Raw::from))
            .flatten(),
    })
}

/// All of them at once: Notion has no pages of them.
pub async fn list(notion: Arc<Notion>, request: Request<LabelList>) -> Result<Reply<Page<Label>>, Failure> {
    let tracker = notion.tracker(&request.native, "project").await?;
    let tracker = notion.tracker_anew(&tracker.source).await?;
    let property = mapped(tracker.labels.as_ref(), "project", "labels")?;
    let all: Vec<Label> = property
        .options
        .iter()
        .filter_map(|option| label(option, request.include_raw))
        .collect();
    let strange = |_| Failure::invalid("cursor", "this cursor does not belong to this list").never_sent();
    let first: usize = request
        .cursor()
        .map_or(Ok(0), |cursor| cursor.parse().map_err(strange))?;
    let size = request.limit().map_or(all.len().max(1), |limit| limit as usize);
    let next = first.saturating_add(size);
    let more = next < all.len();
    let items = all.into_iter().skip(first).take(size).collect();
    Ok(Reply::of(Page::new(items, more.then(|| next.to_string()))))
}

pub async fn create(notion: Arc<Notion>, request: Request<LabelCreate>) -> Result<Reply<Label>, Failure> {
    let input = &request.input;
    if input.color.is_some() {
        let sentence = "the colours of labels have names at this provider, and no others: leave it out";
        return Err(Failure::unsupported_field("color", sentence).never_sent());
    }
    let tracker = notion.tracker(&request.native, "project").await?;
    let tracker = notion.tracker_anew(&tracker.source).await?;
    let property = mapped(tracker.labels.as_ref(), "project", "labels")?;
    if property.has(&input.name) {
        let mut taken = Failure::new(Kind::Conflict, "the project has a label of this name");
        taken.field = Some(Arc::from("name"));
        return Err(taken);
    }
    let kept = |option: &Value| json!({"id": option["id"], "name": option["name"], "color": option["color"]});
    let mut options: Vec<Value> = property.options.iter().map(kept).collect();
    let mut new = json!({"name": &*input.name});
    if let Some(description) = input.description.as_deref() {
        new["description"] = description.into();
    }
    options.push(new);
    let body = json!({"properties": {property.id.as_str(): {"multi_select": {"options": options}}}});
    let outgoing = || notion.endpoint.patch(&["data_sources", &tracker.source], &body);
    let received = notion.patient(request.deadline, outgoing).await?;
    notion.trackers.forget(&tracker.source);
    let json: Value = received.json()?;
    let now = Tracker::read(
        &json,
        &Mapping {
            labels: Some(property.id.clone()),
            ..Mapping::default()
        },
    );
    let options = now
        .ok()
        .and_then(|now| now.labels)
        .map(|labels| labels.options)
        .unwrap_or_default();
    let made = options.iter().find(|option| option["name"] == *input.name);
    let made = made.and_then(|option| label(option, request.include_raw));
    let made = made.ok_or_else(|| received.unusable("the answer does not tell the label that was made"))?;
    Ok(received.reply(made))
}

pub async fn set(notion: Arc<Notion>, request: Request<LabelSet>) -> Result<Reply<IssueLabels>, Failure> {
    let found = notion.issue(&request.native, false, request.deadline).await?;
    let (id, value) = notion.labels_of(&found.tracker, &request.input.labels).await?;
    let received = notion.write(&found, &json!({ id: value }), request.deadline).await?;
    let row = received.row(false)?;
    let issue = convert::issue(&request.instance, &found.tracker, row, None);
    Ok(received.reply(IssueLabels {
        id: Resource::neutral_id(&request.instance, &request.native),
        labels: issue.labels,
    }))
}
