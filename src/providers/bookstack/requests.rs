//! Pages as they are searched, read and exported.
//!
//! Invariant: an input that BookStack cannot be asked is refused before anything is sent, naming the field.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::ByteStream;

use super::body::{self, Text};
use super::{BookStack, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::{
    DocPage, ExportFormat, Hit, PageExport, PageExportHtml, PageExportMarkdown, PageGet, Search,
};
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

/// A page of the WYSIWYG editor of which an early release does not tell what is stored is exported, by a second request.
pub async fn page_get(bookstack: Arc<BookStack>, request: Request<PageGet>) -> Result<Reply<DocPage>, Failure> {
    let id = page_id(&request.native)?;
    let outgoing = bookstack.endpoint.get(&["pages", &id])?;
    let received = bookstack.endpoint.send(outgoing).await?;
    let row: Row<wire::Page> = received.row(request.include_raw)?;
    let format = request.input.format;
    let text = match body::text(&row.wire, format) {
        Some(text) => text,
        None => Text::of(export(&bookstack, &row.wire).await?).untold(),
    };
    Ok(received.reply(convert::page(&request.instance, row, format, text)))
}

/// BookStack calls every export an unknown stream of octets; what it is, the format that was asked for tells.
pub async fn page_export(
    bookstack: Arc<BookStack>,
    request: Request<PageExport>,
) -> Result<Reply<ByteStream>, Failure> {
    file(&bookstack, &request.native, request.input.format).await
}

pub async fn page_export_markdown(
    bookstack: Arc<BookStack>,
    request: Request<PageExportMarkdown>,
) -> Result<Reply<ByteStream>, Failure> {
    file(&bookstack, &request.native, ExportFormat::Markdown).await
}

pub async fn page_export_html(
    bookstack: Arc<BookStack>,
    request: Request<PageExportHtml>,
) -> Result<Reply<ByteStream>, Failure> {
    file(&bookstack, &request.native, ExportFormat::Html).await
}

async fn file(bookstack: &BookStack, native: &str, format: ExportFormat) -> Result<Reply<ByteStream>, Failure> {
    let id = page_id(native)?;
    let (format, media_type) = match format {
        ExportFormat::Pdf => ("pdf", "application/pdf"),
        ExportFormat::Html => ("html", "text/html; charset=utf-8"),
        ExportFormat::Markdown => ("markdown", "text/markdown; charset=utf-8"),
        ExportFormat::Text => ("plaintext", "text/plain; charset=utf-8"),
    };
    let outgoing = bookstack.endpoint.get(&["pages", &id, "export", format])?;
    let opened = bookstack.endpoint.open(outgoing).await.map_err(led_away)?;
    opened.file(media_type).map_err(led_away)
}

/// Some releases send whoever lacks the permission to export to their front page.
fn led_away(mut failure: Failure) -> Failure {
    if failure.unreadable {
        let provider = failure.provider.take();
        failure = Failure::new(
            Kind::Forbidden,
            "our credential lacks the permission to export at the provider",
        );
        failure.provider = provider;
    }
    failure
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
fn not_exported(failure: Failure) -> Failure {
    let mut failure = led_away(failure);
    if failure.kind == Kind::Forbidden {
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
