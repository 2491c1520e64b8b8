//! Whether the mappings fit the data sources that they are for.
//!
//! Invariant: it reads alone; a mapping for all is at fault only where it fits none of those that are shared with us.

use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use super::super::lists::MOST;
use super::super::{Notion, wire};
use super::Mapping;
use super::schema::Tracker;

/// The most data sources that are looked at for a mapping that is for all.
const LOOKED_AT: usize = 20;

/// What does not fit.
///
/// # Errors
/// What keeps it from being looked at.
pub async fn examined(notion: &Notion) -> Result<Vec<Failure>, Failure> {
    let mut wrong = vec![];
    for (id, mapping) in &notion.mappings.own {
        let place = format!("settings.trackers.{id}");
        match notion.read_source(id).await {
            Ok(received) => wrong.extend(Tracker::read(&received.json::<Value>()?, mapping, &place).err()),
            Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::Forbidden) => {
                let sentence = format!("{place}: no data source of this id is shared with our credential's connection");
                wrong.push(Failure::invalid(place, sentence));
            }
            Err(failure) => return Err(failure),
        }
    }
    if notion.mappings.all != Mapping::default() {
        wrong.extend(for_all(notion).await?);
    }
    Ok(wrong)
}

/// What is wrong with the mapping for all, by the first data source that it does not fit.
async fn for_all(notion: &Notion) -> Result<Option<Failure>, Failure> {
    let search = wire::Search {
        query: None,
        filter: Some(json!({"property": "object", "value": "data_source"})),
        start_cursor: None,
        page_size: MOST,
    };
    let received = notion
        .endpoint
        .send(notion.endpoint.post(&["search"], &search)?)
        .await?;
    let list: wire::List = received.json()?;
    let mut first = None;
    let rows = received
        .rows_of::<Value>(&list.results, false)?
        .into_iter()
        .map(|row| row.wire);
    let ids = rows.filter_map(|row| row["id"].as_str().map(str::to_owned));
    for id in ids.filter(|id| !notion.mappings.own.contains_key(id)).take(LOOKED_AT) {
        let source: Value = notion.read_source(&id).await?.json()?;
        match Tracker::read(&source, &notion.mappings.all, "settings.tracker") {
            Ok(_) => return Ok(None),
            Err(failure) => {
                let title = source["title"].as_array().into_iter().flatten();
                let title: String = title.filter_map(|part| part["plain_text"].as_str()).collect();
                first.get_or_insert(failure.also(&format!("it is the data source {title} ({id})")));
            }
        }
    }
    Ok(first)
}
