//! Lists that skip rows: all but the search.
//!
//! Invariant: BookStack ignores a filter that it does not know, so what a list is filtered by is looked for in its rows.

use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;

use super::{BookStack, wire};
use crate::catalogue::Page;
use crate::catalogue::op::{Op, Paged};
use crate::providers::http::pages::Numbered;
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// BookStack skips rows and knows no pages here; ours are numbered all the same, so that a cursor holds the page's size.
pub const ROWS: Numbered = Numbered {
    page: "page",
    size: "count",
    default: 20,
    most: 100,
};

/// A page of a list.
pub struct Listed<W> {
    pub received: Received,
    pub rows: Vec<Row<W>>,
    /// It is the first.
    pub first: bool,
    total: Option<u64>,
    next: Option<String>,
}

impl<W> Listed<W> {
    /// The reply; a row that converts to nothing is left out, and how many there are is then unknown.
    pub fn page<T>(self, convert: impl FnMut(Row<W>) -> Option<T>) -> Reply<Page<T>> {
        let came = self.rows.len();
        let items: Vec<T> = self.rows.into_iter().filter_map(convert).collect();
        let whole = items.len() == came;
        let mut page = Page::new(items, self.next);
        page.total = self.total.filter(|_| whole);
        self.received.reply(page)
    }

    /// The same page with what was made of its rows.
    pub fn made<T>(self, items: Vec<T>) -> Reply<Page<T>> {
        let mut page = Page::new(items, self.next);
        page.total = self.total;
        self.received.reply(page)
    }
}

impl BookStack {
    /// Asks for a page of a list, with these filters.
    pub async fn list<O: Op, W: DeserializeOwned>(
        &self,
        what: &str,
        filters: &[(&str, &str)],
        sizes: &Numbered,
        request: &Request<O>,
    ) -> Result<Listed<W>, Failure>
    where
        O::Input: Paged,
    {
        let page = sizes.page(&[], request.limit(), request.cursor())?;
        let skipped = page.number.saturating_sub(1).saturating_mul(page.size);
        let mut outgoing = self.endpoint.get(&[what])?;
        for (name, value) in filters {
            outgoing = outgoing.query(&format!("filter[{name}]"), value);
        }
        let outgoing = outgoing
            .query("count", page.size.to_string())
            .query("offset", skipped.to_string());
        let received = self.endpoint.send(outgoing).await?;
        let list: wire::List = received.json()?;
        let rows = received.rows_of::<W>(&list.data, request.include_raw)?;
        let more = !list.data.is_empty() && skipped.saturating_add(page.size) < list.total.unwrap_or_default();
        Ok(Listed {
            received,
            rows,
            first: page.number == 1,
            total: list.total,
            next: more.then(|| sizes.after(&page)),
        })
    }
}
