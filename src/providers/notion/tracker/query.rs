//! Queries of a data source's pages, to their last one: Notion ends each at 10,000 rows, so that another goes on behind it.
//!
//! Invariant: a row is told once, and a list that cannot be gone on with fails.

use mosaic_actors::error::{Failure, Kind, Source};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{Notion, wire};
use super::convert;
use super::schema::Tracker;
use crate::catalogue::projects::{IssueState, StateFilter};
use crate::providers::http::{Received, Row, Time, too_large};

/// The most rows of one minute that are told apart where a query ends: as many as fit a cursor.
const MOST_OF_A_MINUTE: usize = 100;

/// Where a list goes on.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Place {
    /// Notion's own.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// Only rows that were made until then: where an earlier query ended.
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// Those of them that were told already.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<String>,
    /// When the last row was made that was told.
    #[serde(rename = "l", skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    /// Those that were made then.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    tail: Vec<String>,
}

/// A page of rows.
pub struct Rows {
    pub received: Received,
    pub rows: Vec<Row<wire::Page>>,
    pub next: Option<String>,
}

/// A few characters that tell an id from others.
fn short(id: &str) -> String {
    let bare: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    let half = |text: Option<&str>| {
        text.and_then(|text| u64::from_str_radix(text, 16).ok())
            .unwrap_or_default()
    };
    format!("{:x}", half(bare.get(..16)) ^ half(bare.get(16..32)).rotate_left(7))
}

impl Notion {
    /// The pages that meet all of these, the last that was made first.
    pub(in super::super) async fn rows(
        &self,
        tracker: &Tracker,
        filters: Vec<Value>,
        size: u32,
        cursor: Option<&str>,
        with_raw: bool,
    ) -> Result<Rows, Failure> {
        let strange = |_| Failure::invalid("cursor", "this cursor does not belong to this list").never_sent();
        let place: Place = cursor.map_or(Ok(Place::default()), |text| serde_json::from_str(text).map_err(strange))?;
        let mut filters = filters;
        if let Some(before) = &place.before {
            filters.push(json!({"timestamp": "created_time", "created_time": {"on_or_before": before}}));
        }
        let mut query = json!({"page_size": size, "result_type": "page",
            "sorts": [{"timestamp": "created_time", "direction": "descending"}]});
        match filters.len() {
            0 => {}
            1 => query["filter"] = filters.remove(0),
            _ => query["filter"] = json!({ "and": filters }),
        }
        if let Some(cursor) = &place.cursor {
            query["start_cursor"] = cursor.as_str().into();
        }
        let outgoing = self
            .endpoint
            .post(&["data_sources", &tracker.source, "query"], &query)?;
        let received = match self.endpoint.send(outgoing).await {
            Ok(received) => received,
            Err(failure) => return Err(self.drift(tracker, failure).await),
        };
        let list: wire::List = received.json()?;
        let rows = received.rows_of::<wire::Page>(&list.results, with_raw)?;
        // Rows of a wiki may be data sources.
        let mut rows: Vec<Row<wire::Page>> = rows.into_iter().filter(|row| row.wire.object == "page").collect();
        rows.retain(|row| !place.seen.contains(&short(&row.wire.id)));
        let next = next(place, &list, &rows).map_err(|failure| received.blame(failure))?;
        let next = next.map(|place| serde_json::to_string(&place)).transpose();
        let next =
            next.map_err(|error| Failure::new(Kind::Internal, "a cursor could not be written").because(error))?;
        Ok(Rows { received, rows, next })
    }
}

fn made(row: &Row<wire::Page>) -> Option<String> {
    Time::text(row.wire.created_time.clone())
}

/// Where the list goes on behind a page; none at its end.
fn next(place: Place, list: &wire::List, rows: &[Row<wire::Page>]) -> Result<Option<Place>, Failure> {
    let cursor = list.next();
    if cursor.is_none() && !list.is_cut() {
        return Ok(None);
    }
    let last = rows.last().and_then(made).or_else(|| place.last.clone());
    let of_last = rows
        .iter()
        .filter(|row| made(row) == last)
        .map(|row| short(&row.wire.id));
    let mut tail: Vec<String> = if place.last == last { place.tail.clone() } else { vec![] };
    // One more than can be told apart says that there are too many.
    let room = (MOST_OF_A_MINUTE + 1).saturating_sub(tail.len());
    tail.extend(of_last.take(room));
    if cursor.is_some() {
        return Ok(Some(Place {
            cursor,
            last,
            tail,
            ..place
        }));
    }
    let stuck = || {
        too_large(
            "more issues were made in one minute than the provider lists",
            Source::Provider,
        )
    };
    let before = last.clone().ok_or_else(stuck)?;
    if tail.len() > MOST_OF_A_MINUTE || (rows.is_empty() && place.before.as_ref() == Some(&before)) {
        return Err(stuck());
    }
    let mut seen = tail.clone();
    if place.before.as_ref() == Some(&before) {
        seen.extend(place.seen);
    }
    Ok(Some(Place {
        cursor: None,
        before: Some(before),
        seen,
        last,
        tail,
    }))
}

/// What asks for a state.
pub fn of_state(tracker: &Tracker, state: StateFilter) -> Vec<Value> {
    let Some(status) = tracker.status.as_ref().filter(|_| !tracker.closed.is_empty()) else {
        return vec![];
    };
    let is = |how: &str, word: &String| json!({"property": status.id, status.kind.as_str(): {how: word}});
    match state {
        StateFilter::All => vec![],
        StateFilter::Open => tracker.closed.iter().map(|word| is("does_not_equal", word)).collect(),
        StateFilter::Closed => match &tracker.closed[..] {
            [one] => vec![is("equals", one)],
            many => vec![json!({"or": many.iter().map(|word| is("equals", word)).collect::<Vec<_>>()})],
        },
    }
}

/// Whether nothing can be in a state: there is nothing that is closed where no word says so.
pub fn is_empty(tracker: &Tracker, state: StateFilter) -> bool {
    state == StateFilter::Closed && (tracker.status.is_none() || tracker.closed.is_empty())
}

/// Whether a page is in a state that is asked for.
pub fn is_in(page: &wire::Page, tracker: &Tracker, state: StateFilter) -> bool {
    state == StateFilter::All || filter_of(Some(convert::state(page, tracker))) == state
}

/// A state as the word of a filter.
pub fn filter_of(state: Option<IssueState>) -> StateFilter {
    match state {
        None => StateFilter::All,
        Some(IssueState::Open) => StateFilter::Open,
        Some(IssueState::Closed) => StateFilter::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(cut: bool, cursor: Option<&str>) -> wire::List {
        let status = if cut { "incomplete" } else { "complete" };
        serde_json::from_value(
            json!({"results": [], "has_more": cursor.is_some(), "next_cursor": cursor,
            "request_status": {"type": status}}),
        )
        .expect("a list")
    }

    fn rows(of: &[(u32, &str)]) -> Vec<Row<wire::Page>> {
        let row = |(n, at): &(u32, &str)| Row {
            wire: serde_json::from_value(json!({"object": "page", "id": format!("{n:032x}"), "created_time": at}))
                .expect("a page"),
            raw: None,
        };
        of.iter().map(row).collect()
    }

    const NINE: &str = "2026-01-01T09:00:00.000Z";
    const TEN: &str = "2026-01-01T10:00:00.000Z";

    /// N12: where a query ends, another goes on at the same minute, without what was told of it.
    #[test]
    fn a_list_goes_on_behind_the_end_of_a_query() {
        let first = next(Place::default(), &list(false, Some("x")), &rows(&[(1, TEN), (2, NINE)])).expect("sound");
        let first = first.expect("more");
        assert_eq!((first.cursor.as_deref(), first.tail.len()), (Some("x"), 1));
        let ended = next(first, &list(true, None), &rows(&[(3, NINE)]))
            .expect("sound")
            .expect("more");
        assert_eq!(
            (ended.cursor, ended.before.as_deref(), ended.seen.len()),
            (None, Some(NINE), 2)
        );
        assert!(
            next(Place::default(), &list(false, None), &[])
                .expect("sound")
                .is_none()
        );
    }

    #[test]
    fn too_many_rows_of_one_minute_are_told() {
        let many: Vec<(u32, &str)> = (0..101).map(|n| (n, NINE)).collect();
        assert!(next(Place::default(), &list(true, None), &rows(&many)).is_err());
        let place = Place {
            before: Some(NINE.to_owned()),
            last: Some(NINE.to_owned()),
            ..Place::default()
        };
        assert!(next(place, &list(true, None), &[]).is_err());
    }

    #[test]
    fn short_ids_differ() {
        let id = |n: u32| short(&format!("00000000-0000-4000-8000-{n:012x}"));
        let all: std::collections::HashSet<String> = (0..1000).map(id).collect();
        assert_eq!(all.len(), 1000);
    }
}
