//! What a provider keeps by an id for whoever brought it: whose such a thing is, no id tells.
//!
//! Invariant: an answer that names such things says where; what an input names is told by its type.

use std::time::Duration;

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::leisure::{at_leisure, to_json};

/// What an answer tells of such things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owned {
    /// Nothing.
    #[default]
    No,
    /// It is one, or names some: their neutral ids stand at these places (RFC 6901). Of a stream, in its first event.
    Named(&'static [&'static str]),
    /// What the input names is there no more.
    Removed,
    /// Each row is one, by its `id`; others that belong to it stand at these places of the row.
    Rows(&'static [&'static str]),
}

/// How long a provider keeps an answer unless told otherwise.
/// <https://platform.openai.com/docs/guides/your-data>: 30 days; a day more, since clocks differ.
pub const ANSWER_LASTS: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// The things that stand at `places` of an answer.
///
/// # Errors
/// `internal`, where it is no JSON.
pub fn named(json: &[u8], places: &[&str]) -> Result<Vec<Resource>, Failure> {
    let value: Value = at_leisure(json.len(), || serde_json::from_slice(json)).map_err(unread)?;
    let ids = places.iter().filter_map(|place| value.pointer(place)?.as_str());
    Ok(ids.map(Resource::parse).collect())
}

/// A page of things, and what each of its rows is.
pub struct Rows<'a> {
    page: serde_json::Map<String, Value>,
    rows: Vec<&'a RawValue>,
    /// What each row is; of one without an id, nothing.
    pub things: Vec<Resource>,
}

#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Row {
    id: Option<String>,
}

impl<'a> Rows<'a> {
    /// Reads a page.
    ///
    /// # Errors
    /// `internal`, where it is no page.
    pub fn read(json: &'a [u8]) -> Result<Self, Failure> {
        let Items { items: rows } = serde_json::from_slice(json).map_err(unread)?;
        let mut page: serde_json::Map<String, Value> = serde_json::from_slice(json).map_err(unread)?;
        page.remove("items");
        let id = |row: &&RawValue| serde_json::from_str::<Row>(row.get()).ok()?.id;
        let things = rows.iter().map(|row| Resource::parse(&id(row).unwrap_or_default()));
        Ok(Rows {
            things: things.collect(),
            page,
            rows,
        })
    }

    /// What stands at `places` of the rows that are `mine`.
    ///
    /// # Errors
    /// As [`named`].
    pub fn beside(&self, places: &[&str], mine: &[bool]) -> Result<Vec<Resource>, Failure> {
        let rows = self.rows.iter().zip(mine).filter(|(_, mine)| **mine);
        let named = rows.map(|(row, _)| named(row.get().as_bytes(), places));
        named.collect::<Result<Vec<_>, _>>().map(|all| all.concat())
    }

    /// The page with the rows that are `mine`; how many there are in all is not told where any was left out.
    ///
    /// # Errors
    /// `internal`, where it cannot be written.
    pub fn only(mut self, mine: &[bool]) -> Result<bytes::Bytes, Failure> {
        let rows = self.rows.iter().zip(mine).filter(|(_, mine)| **mine);
        let items = rows.map(|(row, _)| serde_json::from_str(row.get()));
        let items: Vec<Value> = items.collect::<Result<_, _>>().map_err(unread)?;
        self.page.remove("total");
        self.page.insert("items".to_owned(), items.into());
        to_json(&self.page).map_err(unread)
    }
}

fn unread(error: serde_json::Error) -> Failure {
    Failure::new(
        Kind::Internal,
        "an answer that tells whose things are could not be read",
    )
    .because(error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::OPERATIONS;
    use crate::catalogue::cursor::CursorKey;

    /// The fields by which inputs name what is kept.
    const KEPT: [&str; 4] = ["batch", "file", "previous", "response"];

    #[test]
    fn every_input_that_names_what_is_kept_says_so() {
        let mut told = Vec::new();
        for entry in OPERATIONS.iter().filter(|entry| entry.name().starts_with("ai.")) {
            for field in entry.fields.iter().filter(|field| KEPT.contains(&&*field.name)) {
                let mut input = json!({ field.name.clone(): "oai~x" });
                for other in entry
                    .fields
                    .iter()
                    .filter(|other| ["model", "prompt"].contains(&&*other.name))
                {
                    input[&other.name] = "oai~m".into();
                }
                let prepared = entry.prepare(input, false, &CursorKey::random());
                let prepared = prepared.unwrap_or_else(|failure| panic!("{}: {failure}", entry.name()));
                let named = entry.owned(&prepared.input);
                assert_eq!(named, [Resource::parse("oai~x")], "{}", entry.name());
                told.push(entry.name());
            }
            let is_of = |prefix: &str| entry.name().starts_with(prefix);
            let makes = entry.declaration.facts.list || entry.declaration.method.has_body();
            if makes && (is_of("ai.file.") || is_of("ai.batch.")) {
                assert_ne!(entry.declaration.owned, Owned::No, "{}", entry.name());
            }
        }
        assert!(told.len() > 8, "{told:?}");
    }

    #[test]
    fn what_an_answer_names_is_read_where_it_stands() {
        let batch = json!({"id": "oai~batch_1", "files": {"requests": "oai~file-1", "results": null}}).to_string();
        let named = named(
            batch.as_bytes(),
            &["/id", "/files/requests", "/files/results", "/files/errors"],
        );
        let named = named.expect("read");
        assert_eq!(named, [Resource::parse("oai~batch_1"), Resource::parse("oai~file-1")]);
    }

    #[test]
    fn a_page_keeps_what_is_asked_for_and_its_cursor() {
        let page = json!({"items": [{"id": "oai~a", "n": 1.0}, {"name": "x"}, {"id": "oai~b", "f": "oai~c"}],
            "next_cursor": "c", "has_more": true, "total": 9});
        let page = page.to_string();
        let rows = Rows::read(page.as_bytes()).expect("a page");
        assert_eq!(rows.things[2], Resource::parse("oai~b"));
        assert_eq!(&**rows.things[1].native(), "");
        let mine = [false, false, true];
        assert_eq!(rows.beside(&["/f"], &mine).expect("read"), [Resource::parse("oai~c")]);
        let left: Value = serde_json::from_slice(&rows.only(&mine).expect("a page")).expect("JSON");
        assert_eq!(
            left,
            json!({"items": [{"id": "oai~b", "f": "oai~c"}], "next_cursor": "c", "has_more": true})
        );
    }
}
