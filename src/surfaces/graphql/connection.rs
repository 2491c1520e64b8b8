//! Connections: pages of lists, as Relay has them.
//!
//! Invariant: every edge's cursor can be gone on behind. That of a page's last edge is the list's own; any other names its page,
//! and how much of it is left out when it is read again.

use mosaic_actors::error::Failure;
use serde_json::{Map, Value, json};

use super::session::Read;

/// Stands between the parts of a cursor that names a page. No list's own cursor has one.
const BETWEEN: char = '.';

/// Where in a page an answer begins, and how long it may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The page's own cursor; empty: of the first.
    page: String,
    /// Rows of the page, as it was asked for; zero: as many as the provider gives.
    limit: u64,
    /// Rows that are left out.
    skip: usize,
    /// Rows at most.
    first: Option<usize>,
    /// Something is before it.
    is_behind: bool,
}

impl Place {
    /// Takes the place out of a list's input, in which it stands as a page's cursor and limit.
    ///
    /// # Errors
    /// `invalid_input` on `cursor`.
    pub(super) fn taken(input: &mut Map<String, Value>) -> Result<Self, Failure> {
        let first = input.get("limit").and_then(Value::as_u64);
        let mut place = Place {
            limit: first.unwrap_or(0),
            ..Place::default()
        };
        let Some(after) = input.get("cursor").and_then(Value::as_str) else {
            return Ok(place);
        };
        place.is_behind = true;
        if !after.contains(BETWEEN) {
            place.page = after.to_owned();
            return Ok(place);
        }
        let mut parts = after.splitn(3, BETWEEN);
        let parts = (parts.next(), parts.next(), parts.next());
        let wrong = || Failure::invalid("cursor", "after must be a cursor of this list");
        let (Some(limit), Some(skip), Some(page)) = parts else {
            return Err(wrong());
        };
        place.limit = limit.parse().map_err(|_| wrong())?;
        place.skip = skip.parse().map_err(|_| wrong())?;
        place.page = page.to_owned();
        place.first = first.and_then(|first| usize::try_from(first).ok());
        set(input, "cursor", (!page.is_empty()).then(|| page.into()));
        set(input, "limit", (place.limit > 0).then(|| place.limit.into()));
        Ok(place)
    }
}

fn set(input: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => input.insert(key.to_owned(), value),
        None => input.remove(key),
    };
}

/// A page, from a place on.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    page: Read,
    place: Place,
}

/// One row of it.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    page: Read,
    at: usize,
    pub(super) cursor: String,
}

impl Connection {
    pub(super) fn of(page: Read, place: Place) -> Self {
        Connection { page, place }
    }

    /// What the page tells of the whole list.
    pub(super) fn told(&self) -> &Value {
        &self.page
    }

    fn rows(&self) -> usize {
        self.page["items"].as_array().map_or(0, Vec::len)
    }

    /// The rows from the place on, as far as they are asked for.
    fn range(&self) -> std::ops::Range<usize> {
        let rows = self.rows();
        let begin = self.place.skip.min(rows);
        let end = self
            .place
            .first
            .map_or(rows, |first| rows.min(begin.saturating_add(first)));
        begin..end
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = Edge> + '_ {
        self.range().map(|at| Edge {
            page: self.page.clone(),
            at,
            cursor: self.cursor(at),
        })
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Value> {
        let items = self.page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        items[self.range()].iter()
    }

    /// The cursor behind a row.
    fn cursor(&self, at: usize) -> String {
        match self.page["next_cursor"].as_str() {
            Some(next) if at + 1 == self.rows() => next.to_owned(),
            _ => {
                let Place { limit, page, .. } = &self.place;
                format!("{limit}{BETWEEN}{}{BETWEEN}{page}", at + 1)
            }
        }
    }

    /// An empty page has a cursor where more is behind it.
    pub(super) fn page_info(&self) -> Value {
        let range = self.range();
        let next = self.page["next_cursor"].as_str();
        let end = match range.is_empty() {
            false => Some(self.cursor(range.end - 1)),
            true => next.map(str::to_owned),
        };
        json!({
            "has_next_page": range.end < self.rows() || self.page["has_more"] == true,
            "has_previous_page": self.place.is_behind,
            "start_cursor": (!range.is_empty()).then(|| self.cursor(range.start)),
            "end_cursor": end,
        })
    }
}

impl Edge {
    pub(super) fn node(&self) -> &Value {
        &self.page["items"][self.at]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn page(rows: usize, next: Option<&str>) -> Read {
        let items: Vec<Value> = (0..rows).map(|at| json!({ "name": at })).collect();
        Arc::new(json!({ "items": items, "next_cursor": next, "has_more": next.is_some() }))
    }

    fn place(input: Value) -> (Place, Value) {
        let mut input = input.as_object().cloned().expect("an object");
        let place = Place::taken(&mut input).expect("a place");
        (place, input.into())
    }

    #[test]
    fn one_goes_on_behind_every_edge() {
        let (first, input) = place(json!({ "repo": "a/b", "limit": 3 }));
        assert_eq!(input, json!({ "repo": "a/b", "limit": 3 }));
        let whole = Connection::of(page(3, Some("next")), first);
        let cursors: Vec<String> = whole.edges().map(|edge| edge.cursor).collect();
        assert_eq!(cursors, ["3.1.", "3.2.", "next"]);
        assert_eq!(whole.page_info()["end_cursor"], "next");
        assert_eq!(whole.page_info()["has_next_page"], true);

        // Within the page: it is asked for again, and begins later.
        let (behind, input) = place(json!({ "repo": "a/b", "limit": 1, "cursor": cursors[0] }));
        assert_eq!(input, json!({ "repo": "a/b", "limit": 3 }));
        let part = Connection::of(page(3, Some("next")), behind);
        let nodes: Vec<&Value> = part.nodes().collect();
        assert_eq!(nodes, [&json!({ "name": 1 })]);
        assert_eq!(part.page_info()["has_next_page"], true);
        assert_eq!(part.page_info()["end_cursor"], "3.2.");

        // The last page's last edge has nothing behind it.
        let (last, _) = place(json!({ "cursor": "next" }));
        let last = Connection::of(page(2, None), last);
        let end = last.page_info()["end_cursor"].as_str().expect("a cursor").to_owned();
        assert_eq!(
            (end.as_str(), &last.page_info()["has_next_page"]),
            ("0.2.next", &json!(false))
        );
        let (behind, input) = place(json!({ "cursor": end, "limit": 9 }));
        assert_eq!(input, json!({ "cursor": "next" }));
        assert_eq!(Connection::of(page(2, None), behind).nodes().count(), 0);
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for wrong in ["a.b.c", "1.x.", "1.2", "-1.0.", "99999999999999999999.1."] {
            let mut input = Map::from_iter([("cursor".to_owned(), Value::from(wrong))]);
            let refused = Place::taken(&mut input).expect_err(wrong);
            assert_eq!(refused.field.as_deref(), Some("cursor"));
        }
    }
}
