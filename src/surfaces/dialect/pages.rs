//! Lists of the gateway, as dialects page them: from behind a row that is known by its id.
//!
//! Invariant: a walk to that row is bounded, and one that does not find it is refused rather than begun anew.

use mosaic_actors::error::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::desk::{Visit, value};
use super::fields::must;
use crate::catalogue::ai::Warning;
use crate::catalogue::fields::Cursor;
use crate::catalogue::page::Page;
use crate::catalogue::{Op, op::Output};

/// The most pages of the gateway that one page of a dialect is made of.
const MOST_PAGES: usize = 50;

/// Rows, and what is behind them.
pub struct Rows<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// There are more.
    pub has_more: bool,
    /// The instances that did not tell theirs, and why.
    pub warnings: Vec<Warning>,
    /// The last answer that rows came from.
    pub answer: mosaic_actors::call::Answer,
}

/// Which rows are wanted.
pub struct Wanted<'a> {
    /// Those behind the row of this id, whose parameter is called so.
    pub after: Option<(&'a str, &'a str)>,
    /// So many at most.
    pub limit: usize,
}

/// Walks a list; `input` makes the input of the page at a cursor, `id` tells a row's id.
///
/// # Errors
/// What a page fails with; `invalid_input` where there is no such row.
pub async fn walk<O, T>(
    visit: &Visit,
    wanted: Wanted<'_>,
    input: impl Fn(Option<Cursor>) -> O::Input,
    id: impl Fn(&T) -> String,
) -> Result<Rows<T>, Failure>
where
    O: Op,
    O::Output: Output<O::Input>,
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let (mut rows, mut warnings, mut cursor) = (Vec::new(), Vec::new(), None);
    let mut awaited = wanted.after;
    for _ in 0..MOST_PAGES {
        let answer = visit.call::<O>(input(cursor.take())).await?;
        let page = value::<Page<T>>(&answer)?;
        for row in &page.items {
            match awaited {
                Some((_, after)) if id(row) == after => awaited = None,
                Some(_) => {}
                None => rows.push(row.clone()),
            }
        }
        let errors = page.errors.iter();
        warnings.extend(errors.map(|error| Warning::new(error.provider.clone(), error.message.clone())));
        cursor = page.next_cursor.as_deref().map(Cursor::from);
        if rows.len() > wanted.limit || cursor.is_none() {
            let has_more = rows.len() > wanted.limit || cursor.is_some();
            rows.truncate(wanted.limit);
            return match awaited {
                Some((name, _)) => Err(must(name, "be the id of a row of this list")),
                None => Ok(Rows {
                    rows,
                    has_more,
                    warnings,
                    answer,
                }),
            };
        }
    }
    Err(must(
        wanted.after.map_or("limit", |(name, _)| name),
        "be nearer to the beginning of the list: it is walked from there",
    ))
}
