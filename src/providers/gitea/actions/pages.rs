//! Lists, page by page.
//!
//! Invariant: a list ends where the server's count says so, or with an empty page, never because a page is shorter than
//! asked for: a server may be configured to give fewer rows than it is asked for.

use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;

use super::super::Gitea;
use super::wire;
use crate::catalogue::Page;
use crate::catalogue::op::{Op, Paged};
use crate::providers::http::pages::{Numbered, NumberedPage};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// The page is always named: without it Forgejo gives all rows there are, whatever their number.
pub const ROWS: Numbered = Numbered {
    page: "page",
    size: "limit",
    default: 30,
    most: 50,
};

/// The rows of an answer, and how many all pages have.
///
/// # Errors
/// As `Received::rows`.
pub fn rows<W: DeserializeOwned>(received: &Received, with_raw: bool) -> Result<(Vec<Row<W>>, Option<u64>), Failure> {
    let counted = received.header("x-total-count").and_then(|total| total.parse().ok());
    // Forgejo gives some of its lists bare.
    if received.is_list() {
        let rows = received.rows(with_raw)?;
        // One that is not counted is all there is.
        let all = rows.len() as u64 + u64::from(received.skipped());
        return Ok((rows, counted.or(Some(all))));
    }
    let mut listed: wire::Listed = received.json()?;
    let rows = received.rows_of(&listed.rows(received)?, with_raw)?;
    Ok((rows, listed.total_count.or(counted)))
}

/// Gets a page of the list at `parts`. A row that converts to nothing is left out. `unnumbered`: the first page is asked for
/// without a number, since the list's description knows none.
///
/// # Errors
/// As `Endpoint::send`; `upstream_failed` where the answer cannot be read.
pub async fn list<O, T, W>(
    gitea: &Gitea,
    parts: &[&str],
    filters: &[(&str, &str)],
    unnumbered: bool,
    request: &Request<O>,
    convert: impl Fn(Row<W>) -> Option<T>,
) -> Result<Reply<Page<T>>, Failure>
where
    O: Op<Output = Page<T>>,
    O::Input: Paged,
    W: DeserializeOwned,
{
    let mut page = ROWS.page(filters, request.limit(), request.cursor())?;
    let outgoing = gitea.endpoint.get(parts)?;
    let unnumbered = unnumbered && request.cursor().is_none() && request.limit().is_none();
    let outgoing = match unnumbered {
        true => outgoing,
        false => outgoing.continued(&page.query),
    };
    let received = gitea.endpoint.send(outgoing).await?;
    let (rows, total) = rows(&received, request.include_raw)?;
    let given = rows.len() as u64 + u64::from(received.skipped());
    if unnumbered {
        page = as_given(page, given);
    }
    let next = follows(&page, given, total, received.next_query());
    let items = rows.into_iter().filter_map(convert).collect();
    let mut found = Page::new(items, next);
    found.total = total;
    Ok(received.reply(found))
}

/// A page that was asked for without a number or a size: it has as many rows as the server gives at once.
fn as_given(page: NumberedPage, rows: u64) -> NumberedPage {
    NumberedPage {
        size: rows.max(1),
        ..page
    }
}

/// Where the list goes on: where the server says, if that can be asked for again, or else where it must.
fn follows(page: &NumberedPage, rows: u64, total: Option<u64>, told: Option<String>) -> Option<String> {
    let told = told.filter(|query| ROWS.page(&[], None, Some(query)).is_ok());
    told.or_else(|| next(page, rows, total))
}

/// Where the list goes on behind a page that had so many rows.
fn next(page: &NumberedPage, rows: u64, total: Option<u64>) -> Option<String> {
    let seen = page
        .number
        .saturating_sub(1)
        .saturating_mul(page.size)
        .saturating_add(rows);
    let more = rows > 0 && total.is_none_or(|total| seen < total);
    // A first page that is shorter though there is more shows how many rows the server gives at most: what was seen is
    // counted by that. Where nothing is counted, only an empty page is the end.
    let size = match (page.number, total) {
        (1, Some(_)) => page.size.min(rows),
        _ => page.size,
    };
    let given = NumberedPage {
        query: page.query.clone(),
        number: page.number,
        size,
    };
    more.then(|| ROWS.after(&given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gt22_a_list_is_read_to_its_end_however_few_rows_a_server_gives() {
        let lists = [(70_u64, 20, 50), (45, 50, 50), (100, 50, 50), (3, 1, 2), (0, 50, 30)];
        for ((total, cap, asked), counted) in lists.into_iter().flat_map(|list| [(list, true), (list, false)]) {
            let (mut cursor, mut seen) = (None::<String>, 0);
            for _ in 0..200 {
                let page = ROWS
                    .page(&[("event", "push")], Some(asked), cursor.as_deref())
                    .expect("its own");
                let size = page.size.min(cap);
                let rows = total.saturating_sub((page.number - 1) * size).min(size);
                seen += rows;
                cursor = next(&page, rows, counted.then_some(total));
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!((seen, cursor), (total, None), "{total} {cap} {asked}");
        }
    }

    #[test]
    fn gt22_a_link_without_a_size_is_not_followed_and_an_unnumbered_page_counts_as_it_is() {
        let first = ROWS.page(&[], None, None).expect("the first");
        let link = |query: &str| Some(query.to_owned());
        let next = follows(&first, 30, Some(70), link("page=2"));
        assert_eq!(next.as_deref(), Some("page=2&limit=30"));
        let next = follows(&first, 30, Some(70), link("page=2&limit=20"));
        assert_eq!(next.as_deref(), Some("page=2&limit=20"));
        // Asked for no number of rows, a server gives 50 of its 70.
        let given = as_given(first, 50);
        assert_eq!(follows(&given, 50, Some(70), None).as_deref(), Some("page=2&limit=50"));
        assert_eq!(follows(&given, 50, Some(50), None), None);
        assert_eq!(follows(&given, 0, None, None), None);
    }
}
