//! The request that lists jobs and what holds them.
//!
//! Invariant: one request tells one folder; what is below its folders is asked for by their names.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use serde_json::value::RawValue;

use super::{Jenkins, convert, names, wire};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Pipeline, PipelineList};
use crate::providers::http::pages::{Numbered, NumberedPage};
use crate::providers::{Reply, Request};

/// Jenkins takes a range of a list, and knows no pages; ours are numbered, so that a cursor holds the page's size.
pub const ROWS: Numbered = Numbered {
    page: "page",
    size: "limit",
    default: 50,
    most: 100,
};

/// The range of a page, from its first row to the one behind its last, which tells whether there is a next page.
pub fn range(page: &NumberedPage) -> String {
    let first = page.number.saturating_sub(1).saturating_mul(page.size);
    format!("{{{first},{}}}", first.saturating_add(page.size).saturating_add(1))
}

/// The page's own rows of those that [`range`] has asked for, and the cursor of the next page, where there is one. They are
/// cut before they are read: one that cannot be read would let the next page's first row stand here, too.
pub fn cut(mut rows: Vec<Box<RawValue>>, page: &NumberedPage) -> (Vec<Box<RawValue>>, Option<String>) {
    let more = rows.len() as u64 > page.size;
    rows.truncate(usize::try_from(page.size).unwrap_or(usize::MAX));
    (rows, more.then(|| ROWS.after(page)))
}

pub async fn list(jenkins: Arc<Jenkins>, request: Request<PipelineList>) -> Result<Reply<Page<Pipeline>>, Failure> {
    let page = ROWS.page(&[], request.limit(), request.cursor())?;
    let (within, parts) = match request.input.project {
        Some(_) => (&*request.native, names::job("project", &request.native)?),
        None => ("", vec![]),
    };
    let tree = format!("{job},jobs[{job}]{}", range(&page), job = wire::JOB);
    let received = jenkins.endpoint.send(jenkins.tell(&parts, &tree)?).await?;
    let below: wire::Below = received.json()?;
    let Some(jobs) = below.jobs else {
        if within.is_empty() {
            return Err(received.unusable("the answer is not as expected at jobs"));
        }
        // It holds none, and is one.
        let row = received.row(request.include_raw)?;
        let one = convert::job(&request.instance, within.to_owned(), row);
        return Ok(received.reply(Page::new(vec![one], None)));
    };
    let (jobs, next) = cut(jobs, &page);
    let rows = received.rows_of::<wire::Job>(&jobs, request.include_raw)?;
    let named = rows.into_iter().filter(|row| {
        let named = !row.wire.name.is_empty();
        if !named {
            received.skip("a job has no name");
        }
        named
    });
    let items = named
        .map(|row| convert::pipeline(&request.instance, within, row))
        .collect();
    Ok(received.reply(Page::new(items, next)))
}
