//! The requests that serve each operation.
//!
//! Invariant: an input that BookStack cannot be asked is refused before anything is sent, naming the field.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::ByteStream;

use super::convert::Parent;
use super::{BookStack, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::{DocPage, ExportFormat, Format, Hit, PageCreate, PageExport, PageGet, Search};
use crate::providers::http::Row;
use crate::providers::http::pages::Numbered;
use crate::providers::{Reply, Request};

const HITS: Numbered = Numbered {
    page: "page",
    size: "count",
    default: 20,
    most: 100,
};

/// Pages alone: BookStack takes the size of a page of hits for each type of them anew, and books have no text to read.
const PAGES_ONLY: &str = "{type:page}";

pub async fn search(bookstack: Arc<BookStack>, request: Request<Search>) -> Result<Reply<Page<Hit>>, Failure> {
    let input = &request.input;
    // The last of several filters of one name wins.
    let query = format!("{} {PAGES_ONLY}", input.query.trim());
    let page = HITS.page(&[("query", &query)], request.limit(), request.cursor())?;
    let outgoing = bookstack.endpoint.get(&["search"])?.continued(&page.query);
    let received = bookstack.endpoint.send(outgoing).await?;
    let list: wire::List = received.json()?;
    let rows = received.rows_of::<wire::Found>(&list.data, request.include_raw)?;
    // A page without rows is the last, whatever the total says: it counts what may be gone meanwhile.
    let empty = rows.is_empty() && received.skipped() == 0;
    let more = !empty && page.number.saturating_mul(page.size) < list.total.unwrap_or_default();
    let pages = rows.into_iter().filter(|row| row.wire.kind == "page");
    let items = pages.map(|row| convert::hit(&request.instance, row)).collect();
    let mut found = Page::new(items, more.then(|| HITS.after(&page)));
    found.total = list.total;
    Ok(received.reply(found))
}

/// A page's Markdown is empty where it was written in the WYSIWYG editor: it is then exported, by a second request.
pub async fn page_get(bookstack: Arc<BookStack>, request: Request<PageGet>) -> Result<Reply<DocPage>, Failure> {
    let id = page_id(&request.native)?;
    let outgoing = bookstack.endpoint.get(&["pages", &id])?;
    let received = bookstack.endpoint.send(outgoing).await?;
    let mut row: Row<wire::Page> = received.row(request.include_raw)?;
    let format = request.input.format;
    let body = match text(&mut row.wire, format) {
        Some(text) => text,
        None if row.wire.html.is_empty() => String::new(),
        None => export(&bookstack, &row.wire).await?,
    };
    Ok(received.reply(convert::page(&request.instance, row, format, body)))
}

/// BookStack calls every export an unknown stream of octets; what it is, the format that was asked for tells.
pub async fn page_export(
    bookstack: Arc<BookStack>,
    request: Request<PageExport>,
) -> Result<Reply<ByteStream>, Failure> {
    let id = page_id(&request.native)?;
    let (format, media_type) = match request.input.format {
        ExportFormat::Pdf => ("pdf", "application/pdf"),
        ExportFormat::Html => ("html", "text/html; charset=utf-8"),
        ExportFormat::Markdown => ("markdown", "text/markdown; charset=utf-8"),
        ExportFormat::Text => ("plaintext", "text/plain; charset=utf-8"),
    };
    let outgoing = bookstack.endpoint.get(&["pages", &id, "export", format])?;
    bookstack.endpoint.open(outgoing).await?.file(media_type)
}

pub async fn page_create(bookstack: Arc<BookStack>, request: Request<PageCreate>) -> Result<Reply<DocPage>, Failure> {
    let input = &request.input;
    let parent = Parent::parse(&request.native).ok_or_else(|| {
        let sentence = "parent must be written as book/3 or chapter/5, as pages name theirs";
        Failure::invalid("parent", sentence).never_sent()
    })?;
    if input.body.trim().is_empty() {
        return Err(Failure::invalid("body", "body must not be empty at this provider").never_sent());
    }
    let (book_id, chapter_id) = match parent {
        Parent::Book(id) => (Some(id), None),
        Parent::Chapter(id) => (None, Some(id)),
    };
    let body = Some(&*input.body);
    let (markdown, html) = match input.format {
        Format::Markdown => (body, None),
        Format::Html => (None, body),
    };
    let page = wire::NewPage {
        book_id,
        chapter_id,
        name: &input.title,
        markdown,
        html,
    };
    let outgoing = bookstack.endpoint.post(&["pages"], &page)?;
    let received = bookstack.endpoint.send(outgoing).await?;
    let mut row: Row<wire::Page> = received.row(request.include_raw)?;
    // Nothing more is asked for: were that to fail, a page that is there would be reported as a failure.
    let body = text(&mut row.wire, input.format).unwrap_or_else(|| input.body.to_string());
    Ok(received.reply(convert::page(&request.instance, row, input.format, body)))
}

/// The page's text in a format; `None`: BookStack holds none in this one.
fn text(page: &mut wire::Page, format: Format) -> Option<String> {
    match format {
        Format::Html => Some(std::mem::take(&mut page.html)),
        Format::Markdown => page.markdown.take().filter(|text| !text.is_empty()),
    }
}

async fn export(bookstack: &BookStack, page: &wire::Page) -> Result<String, Failure> {
    let outgoing = bookstack
        .endpoint
        .get(&["pages", &page.id.to_string(), "export", "markdown"])?;
    let received = bookstack.endpoint.send(outgoing).await.map_err(not_exported)?;
    let text = std::str::from_utf8(received.bytes()).map_err(|_| received.unusable("the exported page is not text"))?;
    Ok(convert::exported(&page.name, text))
}

/// Pages can be read without the permission to export them, which the caller did not ask for.
fn not_exported(mut failure: Failure) -> Failure {
    // Some releases send whoever lacks it to their front page.
    if failure.kind == Kind::Forbidden || failure.unreadable {
        let sentence = "this page has no Markdown of its own, and our credential lacks the permission to export it; ask for \
                        it with format html";
        let provider = failure.provider.take();
        failure = Failure::new(Kind::Forbidden, sentence);
        (failure.provider, failure.field) = (provider, Some("format".into()));
    }
    failure
}

/// The number of a page.
pub(super) fn page_id(native: &str) -> Result<String, Failure> {
    match native.parse::<u64>() {
        Ok(id) if id > 0 => Ok(id.to_string()),
        _ => Err(Failure::invalid("page", "page must be the number of a page").never_sent()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_named_by_their_number() {
        assert_eq!(page_id("42").unwrap(), "42");
        for odd in ["", "0", "-1", "42/x", "book/3", "../42"] {
            assert_eq!(page_id(odd).unwrap_err().field.as_deref(), Some("page"), "{odd}");
        }
    }
}
