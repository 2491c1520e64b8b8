//! Labels: the options of the property that the settings name.
//!
//! Invariant: an option that is there is never taken away by one that is added.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use super::super::Notion;
use super::schema::{Property, Tracker};
use super::{Mapping, convert};
use crate::catalogue::Page;
use crate::catalogue::projects::{IssueLabels, Label, LabelCreate, LabelList, LabelSet};
use crate::catalogue::raw::Raw;
use crate::providers::http::behind;
use crate::providers::{Reply, Request};

/// How often an option is added that others write over.
const ATTEMPTS: usize = 3;

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

/// The property whose options they are.
fn kept_in<'t>(notion: &Notion, tracker: &'t Tracker) -> Result<&'t Property, Failure> {
    let lacking = || {
        let (_, place) = notion.mappings.of(&tracker.source);
        tracker.lacking(&place, "labels")
    };
    tracker.labels.as_ref().ok_or_else(lacking)
}

/// All of them at once: Notion has no pages of them.
pub async fn list(notion: Arc<Notion>, request: Request<LabelList>) -> Result<Reply<Page<Label>>, Failure> {
    let tracker = notion.tracker(&request.native, "project").await?;
    let tracker = notion.tracker_anew(&tracker.source).await?;
    let property = kept_in(&notion, &tracker)?;
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

/// Options are written all at once: whoever adds one is alone with it in this instance, and looks behind it. Two nodes may
/// still read the same options; then the one that writes first finds its own gone, and adds it again, but where it has
/// looked already.
pub async fn create(notion: Arc<Notion>, request: Request<LabelCreate>) -> Result<Reply<Label>, Failure> {
    let input = &request.input;
    if input.color.is_some() {
        let sentence = "the colours of labels have names at this provider, and no others: leave it out";
        return Err(Failure::unsupported_field("color", sentence).never_sent());
    }
    let source = notion.tracker(&request.native, "project").await?.source.clone();
    let changing = notion.trackers.changing(&source);
    let _alone = changing.lock().await;
    for _ in 0..ATTEMPTS {
        let tracker = notion.tracker_anew(&source).await?;
        let property = kept_in(&notion, &tracker)?;
        if property.has(&input.name) {
            let mut taken = Failure::new(Kind::Conflict, "the project has a label of this name");
            taken.field = Some(Arc::from("name"));
            return Err(taken);
        }
        let body = with_option(property, &input.name, input.description.as_deref());
        let outgoing = || notion.endpoint.patch(&["data_sources", &source], &body);
        let received = notion.patient(request.deadline, outgoing).await?;
        notion.trackers.forget(&source);
        // What is there now counts, where it can be read: others may have written behind us.
        let now = behind(&request.instance, notion.read_source(&source)).await;
        let now = now.as_ref().unwrap_or(&received);
        let options = options_of(&now.json()?, &property.id)
            .ok_or_else(|| received.unusable("the answer does not tell the label that was made"))?;
        let made = options.iter().find(|option| option["name"] == *input.name);
        if let Some(made) = made.and_then(|option| label(option, request.include_raw)) {
            return Ok(received.reply(made));
        }
    }
    let sentence = "others change the labels at this moment, and this one is not among them";
    Err(Failure::new(Kind::Conflict, sentence))
}

/// The change of a data source by which a property has one option more. Those that are there are said as they came, since
/// what is not said of them is taken away.
fn with_option(property: &Property, name: &str, description: Option<&str>) -> Value {
    let mut options = property.options.clone();
    for fields in options.iter_mut().filter_map(Value::as_object_mut) {
        fields.retain(|_, said| !said.is_null());
    }
    let mut new = json!({ "name": name });
    if let Some(description) = description {
        new["description"] = description.into();
    }
    options.push(new);
    json!({"properties": {property.id.as_str(): {"multi_select": {"options": options}}}})
}

/// The options of a property of a data source.
fn options_of(source: &Value, id: &str) -> Option<Vec<Value>> {
    let mapping = Mapping {
        labels: Some(id.to_owned()),
        ..Mapping::default()
    };
    Some(
        Tracker::read(source, &mapping, "settings.tracker")
            .ok()?
            .labels?
            .options,
    )
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
