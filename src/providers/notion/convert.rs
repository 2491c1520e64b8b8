//! From Notion's JSON to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver.

use mosaic_actors::call::Resource;
use serde_json::Value;

use super::ids::Place;
use super::{rich, wire};
use crate::catalogue::docs::{DocPage, Format, Hit, Lost, PageRow, RowKind, Space};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::http::Row;

/// The headline of a page: its title has any name, and one type. A data source has one of its own, and says of that of its
/// pages what it is.
pub fn title(page: &wire::Page) -> String {
    let property = page.properties.values().find(|property| property["type"] == "title");
    let items = match (&page.title, property) {
        (title, _) if title.is_array() => title,
        (_, Some(property)) => &property["title"],
        (title, None) => title,
    };
    rich::plain(&rich::read(items, None))
}

fn parent(instance: &str, page: &wire::Page) -> Option<String> {
    Place::of(&page.parent).map(|place| place.neutral(instance))
}

/// Somebody; a name is only told of who may be read.
pub fn person(user: wire::User) -> Person {
    Person {
        id: Some(user.id),
        name: user.name,
        email: user.person.and_then(|person| person.email),
        ..Person::default()
    }
}

pub fn hit(instance: &str, Row { wire, raw }: Row<wire::Page>) -> Hit {
    Hit {
        id: Resource::neutral_id(instance, &wire.id),
        title: title(&wire),
        parent: parent(instance, &wire),
        excerpt: None,
        updated_at: wire.last_edited_time.text(),
        web_url: wire.url.map(Link::from),
        raw,
    }
}

/// A page in a list.
pub fn page_row(instance: &str, Row { wire, raw }: Row<wire::Page>) -> PageRow {
    PageRow {
        id: Resource::neutral_id(instance, &wire.id),
        title: title(&wire),
        kind: RowKind::Page,
        parent: parent(instance, &wire),
        version: wire.last_edited_time.clone().text(),
        draft: false,
        trashed: wire.in_trash || wire.archived,
        created_at: wire.created_time.text(),
        updated_at: wire.last_edited_time.text(),
        web_url: wire.url.map(Link::from),
        raw,
    }
}

pub fn space(instance: &str, Row { wire, raw }: Row<wire::Page>) -> Space {
    let data_source = wire.object == "data_source";
    let place = match data_source {
        true => Place::DataSource(wire.id.clone()),
        false => Place::Page(wire.id.clone()),
    };
    let description = rich::plain(&rich::read(&wire.description, None));
    Space {
        id: place.neutral(instance),
        name: title(&wire),
        raw_kind: if data_source { "data source" } else { "page" }.to_owned(),
        description: Some(description).filter(|text| !text.is_empty()),
        created_at: wire.created_time.text(),
        updated_at: wire.last_edited_time.text(),
        web_url: wire.url.map(Link::from),
        raw,
    }
}

/// A page with its text.
pub fn page(
    instance: &str,
    Row { wire, raw }: Row<wire::Page>,
    body: String,
    lost: Vec<Lost>,
    version: Option<String>,
) -> DocPage {
    DocPage {
        id: Resource::neutral_id(instance, &wire.id),
        title: title(&wire),
        parent: parent(instance, &wire),
        format: Format::Markdown,
        body,
        lost,
        version,
        trashed: wire.in_trash || wire.archived,
        draft: false,
        author: wire.created_by.map(person),
        web_url: wire.url.map(Link::from),
        created_at: wire.created_time.text(),
        updated_at: wire.last_edited_time.text(),
        raw,
    }
}

/// A page or database within a page; none of another block.
pub fn child(instance: &str, within: &str, Row { wire, raw }: Row<wire::Child>) -> Option<PageRow> {
    let (place, kind, titled) = match &*wire.kind {
        "child_page" => (Place::Page(wire.id), RowKind::Page, wire.child_page),
        "child_database" => (Place::Database(wire.id), RowKind::Section, wire.child_database),
        _ => return None,
    };
    Some(PageRow {
        id: place.neutral(instance),
        title: titled.map(|titled| titled.title).unwrap_or_default(),
        kind,
        parent: Some(Resource::neutral_id(instance, within)),
        version: None,
        draft: false,
        trashed: false,
        web_url: None,
        created_at: wire.created_time.text(),
        updated_at: wire.last_edited_time.text(),
        raw,
    })
}

/// What Markdown said and Notion cannot.
pub fn lost(what: Vec<String>) -> Vec<Lost> {
    what.into_iter().map(|what| Lost { what, id: None }).collect()
}

/// The title of a page, as Notion takes it; `title` is the id of whatever property that is.
pub fn titled(title: &str) -> Value {
    serde_json::json!({"title": {"title": rich::items(&[rich::Run::text(title)])}})
}
