//! Lists, page by page.
//!
//! Invariant: a list ends where the server's count says so, or with an empty page, never because a page is shorter than
//! asked for: a server caps what it is asked for, and leaves rows out, without a word.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;
use url::form_urlencoded::{Serializer, parse};

use super::Gitea;
use crate::catalogue::Page;
use crate::catalogue::op::{Op, Paged};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// How Gitea calls the page size.
pub const SIZE: &str = "limit";
const PAGE: &str = "page";
/// Behind it a cursor holds how many rows came before. No query can hold it.
const BEFORE: char = '#';

/// A page of a list, as it was asked for.
pub struct Part {
    pub received: Received,
    query: String,
    /// Rows that came before it; none where the server's links lead through the list.
    before: Option<u64>,
}

impl Part {
    /// The cursor of the next page. Not every list of Gitea's has links, but all are counted, unless something on the way has
    /// taken the count away.
    pub fn next(&self, rows: usize) -> Option<String> {
        if let Some(query) = self.received.next_query() {
            return Some(query);
        }
        let rows = rows as u64 + u64::from(self.received.skipped());
        let seen = self.before?.saturating_add(rows);
        let more = match total(&self.received) {
            Some(total) => rows > 0 && seen < total,
            // Links that lead no further say so; where nothing is said of the rest, an empty page will.
            None => rows > 0 && self.received.header("link").is_none(),
        };
        more.then(|| {
            let page = number(&self.query, PAGE).unwrap_or(1).saturating_add(1);
            format!("{}{BEFORE}{seen}", with(&self.query, PAGE, page))
        })
    }
}

/// Asks for a page of the list at `parts`.
///
/// # Errors
/// As `Endpoint::send`.
pub async fn part<O: Op>(
    gitea: &Gitea,
    parts: &[&str],
    filters: &[(&str, &str)],
    request: &Request<O>,
) -> Result<Part, Failure>
where
    O::Input: Paged,
{
    let (query, before) = match request.cursor().map(|cursor| cursor.split_once(BEFORE)) {
        Some(Some((query, before))) => (query.to_owned(), before.parse().ok()),
        Some(None) => (request.cursor().unwrap_or_default().to_owned(), None),
        None => {
            let limit = request.limit().map(|limit| limit.to_string());
            let mut query = Serializer::new(String::new());
            query
                .extend_pairs(filters)
                .extend_pairs(limit.map(|limit| (SIZE, limit)));
            (query.finish(), Some(0))
        }
    };
    let outgoing = gitea.endpoint.get(parts)?;
    let outgoing = match query.is_empty() {
        true => outgoing,
        false => outgoing.continued(&query),
    };
    Ok(Part {
        received: gitea.endpoint.send(outgoing).await?,
        query,
        before,
    })
}

/// Gets a page of the list at `parts`. A row that converts to nothing is left out.
///
/// # Errors
/// As [`part`]; `upstream_failed` where the answer cannot be read.
pub async fn list<O, T, W>(
    gitea: &Gitea,
    parts: &[&str],
    filters: &[(&str, &str)],
    request: &Request<O>,
    convert: impl Fn(&Arc<str>, Row<W>) -> Option<T>,
) -> Result<Reply<Page<T>>, Failure>
where
    O: Op<Output = Page<T>>,
    O::Input: Paged,
    W: DeserializeOwned,
{
    let part = part(gitea, parts, filters, request).await?;
    let rows = part.received.rows(request.include_raw)?;
    let next = part.next(rows.len());
    let items = rows.into_iter().filter_map(|row| convert(&request.instance, row));
    let page = Page {
        total: total(&part.received),
        ..Page::new(items.collect(), next)
    };
    Ok(part.received.reply(page))
}

/// A page that ends where the server's links do, with the number of rows that all pages have.
pub fn page<T>(received: &Received, items: Vec<T>) -> Page<T> {
    Page {
        total: total(received),
        ..Page::new(items, received.next_query())
    }
}

/// How many rows all pages have.
pub fn total(received: &Received) -> Option<u64> {
    received.header("x-total-count")?.parse().ok()
}

/// A number of a query.
pub fn number(query: &str, name: &str) -> Option<u64> {
    parse(query.as_bytes()).find_map(|(given, value)| (given == name).then(|| value.parse().ok())?)
}

/// The query with this number in it.
fn with(query: &str, name: &str, number: u64) -> String {
    let others = parse(query.as_bytes()).filter(|(given, _)| given != name);
    Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair(name, &number.to_string())
        .finish()
}
