//! The ids of things, and what pages are in. Pure.
//!
//! Invariant: a thing has one id here, and an id in another spelling is refused with the right one: what is remembered is
//! remembered by it.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use serde_json::{Value, json};

/// What a page is in: `1429989f-…` is a page, the others say what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Page(String),
    Database(String),
    DataSource(String),
    Block(String),
}

impl Place {
    /// Reads what an input names.
    pub fn read(native: &str, field: &str) -> Result<Self, Failure> {
        let (kind, id) = native.split_once('/').unwrap_or(("page", native));
        let id = uuid(id, field)?;
        match kind {
            "page" if !native.contains('/') => Ok(Place::Page(id)),
            "database" => Ok(Place::Database(id)),
            "data_source" => Ok(Place::DataSource(id)),
            "block" => Ok(Place::Block(id)),
            _ => {
                let sentence = format!("{field} must be the id of a page, or data_source/ID or database/ID");
                Err(Failure::invalid(field, sentence).never_sent())
            }
        }
    }

    /// Reads what a setting names; people copy ids from addresses, where they have no dashes.
    pub fn of_setting(text: &str) -> Result<Self, Failure> {
        let (kind, id) = text.split_once('/').unwrap_or(("", text));
        let wrong = || {
            Failure::invalid(
                "settings.roots",
                "settings.roots must hold ids of pages, or data_source/ID",
            )
        };
        let id = dashed(id).ok_or_else(wrong)?;
        match kind {
            "" => Ok(Place::Page(id)),
            "data_source" => Ok(Place::DataSource(id)),
            _ => Err(wrong()),
        }
    }

    /// What Notion says that something is in; none at the top of a workspace.
    pub fn of(parent: &Value) -> Option<Self> {
        let id = |name: &str| parent[name].as_str().map(str::to_owned);
        // Of a data source's pages the database is told beside it.
        id("data_source_id")
            .map(Place::DataSource)
            .or_else(|| id("page_id").map(Place::Page))
            .or_else(|| id("database_id").map(Place::Database))
            .or_else(|| id("block_id").map(Place::Block))
    }

    /// The id that names it here.
    pub fn native(&self) -> String {
        match self {
            Place::Page(id) => id.clone(),
            Place::Database(id) => format!("database/{id}"),
            Place::DataSource(id) => format!("data_source/{id}"),
            Place::Block(id) => format!("block/{id}"),
        }
    }

    /// The neutral id.
    pub fn neutral(&self, instance: &str) -> String {
        Resource::neutral_id(instance, self.native())
    }

    /// As the parent of a page, for Notion.
    pub fn parent(&self) -> Result<Value, Failure> {
        Ok(match self {
            Place::Page(id) => json!({"type": "page_id", "page_id": id}),
            Place::Database(id) => json!({"type": "database_id", "database_id": id}),
            Place::DataSource(id) => json!({"type": "data_source_id", "data_source_id": id}),
            Place::Block(_) => {
                let sentence = "a page can be put into a page or a data source, and into no block of one";
                return Err(Failure::unsupported_field("parent", sentence).never_sent());
            }
        })
    }
}

/// An id that an input names.
pub fn uuid(native: &str, field: &str) -> Result<String, Failure> {
    let Some(id) = dashed(native) else {
        let sentence = format!("{field} must be an id such as 1429989f-e8ac-4eff-bc8f-57f56486db54");
        return Err(Failure::invalid(field, sentence).never_sent());
    };
    match id == native {
        true => Ok(id),
        false => Err(Failure::invalid(field, format!("{field} must be written as {id}")).never_sent()),
    }
}

/// An id that a setting names, with its dashes or without.
pub fn of_setting(text: &str, setting: &str) -> Result<String, Failure> {
    dashed(text).ok_or_else(|| Failure::invalid(setting, format!("{setting} must be ids")))
}

/// An id in the form that Notion gives it in.
fn dashed(text: &str) -> Option<String> {
    let bare: String = text
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let sound = bare.len() == 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    sound.then(|| {
        let parts = [&bare[..8], &bare[8..12], &bare[12..16], &bare[16..20], &bare[20..]];
        parts.join("-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1429989f-e8ac-4eff-bc8f-57f56486db54";

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(uuid(ID, "page").expect("an id"), ID);
        for other in ["1429989fe8ac4effbc8f57f56486db54", &ID.to_uppercase()] {
            let failure = uuid(other, "page").expect_err(other);
            assert!(failure.message().ends_with(ID) && failure.unsent, "{failure}");
        }
        for odd in ["", "42", "../x", &format!("{ID}0"), &format!("page/{ID}")] {
            assert!(uuid(odd, "page").is_err(), "{odd}");
        }
    }

    /// N9: a database is none of its data sources.
    #[test]
    fn what_a_page_is_in_is_read_as_it_is_told() {
        let parent = json!({"type": "data_source_id", "data_source_id": ID, "database_id": "d"});
        let place = Place::of(&parent).expect("a place");
        assert_eq!(place.native(), format!("data_source/{ID}"));
        assert_eq!(Place::read(&place.native(), "parent").expect("a place"), place);
        assert_eq!(Place::of(&json!({"type": "workspace", "workspace": true})), None);
        assert!(Place::read(&format!("page/{ID}"), "parent").is_err());
        assert!(Place::Block(ID.to_owned()).parent().is_err());
        assert_eq!(
            Place::of_setting("1429989fe8ac4effbc8f57f56486db54")
                .expect("a page")
                .native(),
            ID
        );
    }
}
