//! Lists of pages: what a search finds, the rows of a data source, and what is directly within a page.
//!
//! Invariant: a list that ends before its last row says so.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use serde_json::json;

use super::ids::Place;
use super::{Notion, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::{Hit, PageChildren, PageList, PageRow, RowKind, Search};
use crate::catalogue::op::{Op, Paged};
use crate::providers::http::{Outgoing, Received};
use crate::providers::{Reply, Request};

/// The most rows at once, and how many where the caller does not say.
pub(super) const MOST: u32 = 100;
/// How many pages of blocks are read for one page of children.
const MOST_CALLS: usize = 10;

impl Notion {
    /// The request's page of what a search finds: by words, if any, and of one sort of object, if one alone is meant.
    pub(super) async fn found<O>(
        &self,
        request: &Request<O>,
        query: Option<&str>,
        object: Option<&str>,
    ) -> Result<(Received, wire::List), Failure>
    where
        O: Op<Input: Paged>,
    {
        let search = wire::Search {
            query,
            filter: object.map(|object| json!({"property": "object", "value": object})),
            start_cursor: request.cursor(),
            page_size: request.limit().unwrap_or(MOST),
        };
        let received = self.endpoint.send(self.endpoint.post(&["search"], &search)?).await?;
        let list = received.json()?;
        Ok((received, list))
    }
}

pub async fn search(notion: Arc<Notion>, request: Request<Search>) -> Result<Reply<Page<Hit>>, Failure> {
    let (received, list) = notion.found(&request, Some(&request.input.query), Some("page")).await?;
    let rows = received.rows_of::<wire::Page>(&list.results, request.include_raw)?;
    let pages = rows.into_iter().filter(|row| row.wire.object == "page");
    let items = pages.map(|row| convert::hit(&request.instance, row)).collect();
    Ok(received.reply(Page::new(items, list.next())))
}

pub async fn pages(notion: Arc<Notion>, request: Request<PageList>) -> Result<Reply<Page<PageRow>>, Failure> {
    let size = request.limit().unwrap_or(MOST);
    let outgoing = match &request.input.space {
        None => {
            let (received, list) = notion.found(&request, None, Some("page")).await?;
            return page_rows(&request.instance, request.include_raw, &received, &list);
        }
        Some(space) => {
            let source = match Place::read(space.resource().native(), "space")? {
                Place::DataSource(id) => id,
                Place::Database(id) => notion.only_source(&id, "space").await?,
                Place::Page(_) | Place::Block(_) => {
                    let sentence = "what is somewhere within a page cannot be listed: list its children";
                    return Err(Failure::unsupported_field("space", sentence).never_sent());
                }
            };
            notion.rows_of_source(&source, size, request.cursor())?
        }
    };
    let received = notion.endpoint.send(outgoing).await?;
    page_rows(&request.instance, request.include_raw, &received, &received.json()?)
}

fn page_rows(
    instance: &str,
    include_raw: bool,
    received: &Received,
    list: &wire::List,
) -> Result<Reply<Page<PageRow>>, Failure> {
    let rows = received.rows_of::<wire::Page>(&list.results, include_raw)?;
    let pages = rows.into_iter().filter(|row| row.wire.object == "page");
    let items = pages.map(|row| convert::page_row(instance, row)).collect();
    let mut page = Page::new(items, list.next());
    page.incomplete = list.is_cut();
    Ok(received.reply(page))
}

impl Notion {
    fn rows_of_source(&self, source: &str, size: u32, cursor: Option<&str>) -> Result<Outgoing, Failure> {
        let mut query = json!({"page_size": size, "result_type": "page"});
        if let Some(cursor) = cursor {
            query["start_cursor"] = cursor.into();
        }
        self.endpoint.post(&["data_sources", source, "query"], &query)
    }
}

pub async fn children(notion: Arc<Notion>, request: Request<PageChildren>) -> Result<Reply<Page<PageRow>>, Failure> {
    match Place::read(&request.native, "parent")? {
        Place::Page(id) | Place::Block(id) => within_page(&notion, &request, &id).await,
        Place::Database(id) => sources(&notion, &request, &id).await,
        Place::DataSource(id) => {
            let size = request.limit().unwrap_or(MOST);
            let outgoing = notion.rows_of_source(&id, size, request.cursor())?;
            let received = notion.endpoint.send(outgoing).await?;
            page_rows(&request.instance, request.include_raw, &received, &received.json()?)
        }
    }
}

/// Pages and databases among the blocks of a page: most blocks are none, so that several pages of them are read for one.
async fn within_page(
    notion: &Notion,
    request: &Request<PageChildren>,
    id: &str,
) -> Result<Reply<Page<PageRow>>, Failure> {
    let size = request.limit().unwrap_or(MOST).to_string();
    let mut cursor = request.cursor().map(str::to_owned);
    let mut items = vec![];
    let mut calls = 0;
    loop {
        let outgoing = || {
            let outgoing = notion
                .endpoint
                .get(&["blocks", id, "children"])?
                .query("page_size", &size);
            Ok(outgoing.query_if("start_cursor", cursor.as_ref()))
        };
        let received = notion.patient(request.deadline, outgoing).await?;
        calls += 1;
        let list: wire::List = received.json()?;
        let rows = received.rows_of::<wire::Child>(&list.results, request.include_raw)?;
        items.extend(
            rows.into_iter()
                .filter_map(|row| convert::child(&request.instance, id, row)),
        );
        cursor = list
            .behind(cursor.as_ref())
            .map_err(|failure| received.blame(failure))?;
        if cursor.is_none() || !items.is_empty() || calls == MOST_CALLS {
            return Ok(received.reply(Page::new(items, cursor)));
        }
    }
}

/// A database holds nothing but its data sources.
async fn sources(notion: &Notion, request: &Request<PageChildren>, id: &str) -> Result<Reply<Page<PageRow>>, Failure> {
    let received = notion.endpoint.send(notion.endpoint.get(&["databases", id])?).await?;
    let database: wire::Database = received.json()?;
    let row = |source: wire::Source| PageRow {
        id: Place::DataSource(source.id).neutral(&request.instance),
        title: source.name,
        kind: RowKind::Section,
        parent: Some(Resource::neutral_id(&request.instance, format_args!("database/{id}"))),
        version: None,
        draft: false,
        trashed: false,
        web_url: None,
        created_at: None,
        updated_at: None,
        raw: None,
    };
    let items = database.data_sources.into_iter().map(row).collect();
    Ok(received.reply(Page::new(items, None)))
}
