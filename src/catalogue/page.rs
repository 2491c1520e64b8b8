//! Pages of lists.
//!
//! Invariant: a page that has more carries the cursor that fetches it.

use mosaic_actors::error::Failure;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::fields::Cursor;
use super::op::{Output, Paged};
use super::trail::Trail;

/// What a row of `provider=all` tells its instance by, whatever else it holds.
pub const PROVIDER: &str = "provider";

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The rows. With `provider=all` each tells by `provider` of which instance it is.
    #[schemars(schema_with = "rows::<T>")]
    pub items: Vec<T>,
    /// Fetches the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Whether there is a next page.
    pub has_more: bool,
    /// The number of rows in all pages, where the provider tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// There are more rows than the provider gives, and no way to be given them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// With `provider=all`: the instances that failed, and why. The page is then partial.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<PartialError>,
}

/// Rows of a type, which may tell their instance beside what they hold.
fn rows<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut row = generator.subschema_for::<T>();
    let fields = row.ensure_object().entry("properties").or_insert_with(|| json!({}));
    if let Some(fields) = fields.as_object_mut() {
        let meaning = "With `provider=all`: the instance that the row is of.";
        let told = json!({ "type": "string", "description": meaning });
        // A row that means something else by this word keeps it.
        fields.entry(PROVIDER).or_insert(told);
    }
    let mut rows = Schema::default();
    rows.insert("type".to_owned(), json!("array"));
    rows.insert("items".to_owned(), row.into());
    rows
}

/// Why one of several providers is missing from a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartialError {
    /// The instance.
    pub provider: String,
    /// The error's code.
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// Whether a retry can help.
    pub retryable: bool,
}

impl<T> Page<T> {
    /// A page of `items`; `next` is the provider's own cursor.
    pub fn new(items: Vec<T>, next: Option<String>) -> Self {
        Page {
            items,
            has_more: next.is_some(),
            next_cursor: next,
            total: None,
            incomplete: false,
            errors: Vec::new(),
        }
    }
}

impl<I: Paged, T> Output<I> for Page<T>
where
    T: Clone + Serialize + for<'de> Deserialize<'de> + JsonSchema + Send + Sync + 'static,
{
    const LIST: bool = true;

    fn cursor(input: &mut I) -> Option<&mut Option<Cursor>> {
        Some(input.cursor())
    }

    fn trail(input: &I) -> Trail {
        input.trail()
    }

    fn seal_cursor(&mut self, seal: &dyn Fn(&str) -> Result<String, Failure>) -> Result<(), Failure> {
        if let Some(cursor) = &mut self.next_cursor {
            *cursor = seal(cursor)?;
        }
        Ok(())
    }
}
