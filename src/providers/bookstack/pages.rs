//! Pages as they are written: created, changed, added to, moved.
//!
//! Invariant: a page that is there is never reported as a failure for what its answer lacks, and one that has changed since
//! its reader saw it is not written. BookStack compares nothing itself: what comes between the look and the write is lost.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::body::Sent;
use super::convert::{self, Parent};
use super::requests::page_id;
use super::{BookStack, body, tree, wire};
use crate::catalogue::docs::{DocPage, Format, PageAppend, PageCreate, PageMove, PageRow, PageUpdate};
use crate::catalogue::fields::Version;
use crate::catalogue::op::Op;
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

pub async fn create(bookstack: Arc<BookStack>, request: Request<PageCreate>) -> Result<Reply<DocPage>, Failure> {
    let input = &request.input;
    let parent = tree::parent("parent", &request.native)?;
    written(&input.body)?;
    let sent = Sent::of(&input.body, input.format);
    let page = placed(parent, &sent, Some(&input.title));
    let outgoing = bookstack.endpoint.post(&["pages"], &page)?;
    let received = bookstack.endpoint.send(outgoing).await?;
    reply(&received, &request, Some(&sent), input.format)
}

pub async fn update(bookstack: Arc<BookStack>, request: Request<PageUpdate>) -> Result<Reply<DocPage>, Failure> {
    let input = &request.input;
    let id = page_id(&request.native)?;
    if let Some(text) = &input.body {
        written(text)?;
    }
    let now = match input.body.is_some() || input.if_match.is_some() {
        true => Some(looked(&bookstack, &id, input.if_match.as_ref()).await?),
        false => None,
    };
    let sent = match (&now, &input.body) {
        (Some(page), Some(text)) => {
            let sent = body::replaced(page, text, input.format, input.lossy);
            Some(sent.map_err(|failure| failure.by(&request.instance))?)
        }
        _ => None,
    };
    let received = put(&bookstack, &id, sent.as_ref(), input.title.as_deref()).await?;
    reply(&received, &request, sent.as_ref(), input.format)
}

/// BookStack cannot add to a page: its text is read and written anew.
pub async fn append(bookstack: Arc<BookStack>, request: Request<PageAppend>) -> Result<Reply<DocPage>, Failure> {
    let input = &request.input;
    let id = page_id(&request.native)?;
    let now = looked(&bookstack, &id, input.if_match.as_ref()).await?;
    let sent = body::appended(&now, &input.body).map_err(|failure| failure.by(&request.instance))?;
    let received = put(&bookstack, &id, Some(&sent), None).await?;
    reply(&received, &request, Some(&sent), Format::Markdown)
}

pub async fn place(bookstack: Arc<BookStack>, request: Request<PageMove>) -> Result<Reply<PageRow>, Failure> {
    let id = page_id(&request.native)?;
    let target = request.input.parent.resource();
    if target.instance().is_some_and(|instance| *instance != request.instance) {
        let sentence = "parent must be at the same provider as the page";
        return Err(Failure::invalid("parent", sentence).never_sent());
    }
    let parent = tree::parent("parent", target.native())?;
    let (book_id, chapter_id) = parent.fields();
    let page = wire::NewPage {
        book_id,
        chapter_id,
        ..wire::NewPage::default()
    };
    let outgoing = bookstack.endpoint.put(&["pages", &id], &page)?;
    let received = bookstack.endpoint.send(outgoing).await.map_err(not_moved)?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::row(&request.instance, row)))
}

/// BookStack says neither which of the two rights lacks.
fn not_moved(failure: Failure) -> Failure {
    match failure.kind {
        Kind::Forbidden => failure.saying(
            "the provider forbids this to our credential: moving a page needs the permission to delete it, and the one to \
             create pages where it shall be",
        ),
        _ => failure,
    }
}

/// A page's text must hold something there.
fn written(text: &str) -> Result<(), Failure> {
    match text.trim().is_empty() {
        true => Err(Failure::invalid("body", "body must not be empty at this provider").never_sent()),
        false => Ok(()),
    }
}

/// The page as it is before it is written.
async fn looked(bookstack: &BookStack, id: &str, if_match: Option<&Version>) -> Result<wire::Page, Failure> {
    let outgoing = bookstack.endpoint.get(&["pages", id])?;
    let received = bookstack.endpoint.send(outgoing).await.map_err(Failure::never_sent)?;
    let page: wire::Page = received.json().map_err(Failure::never_sent)?;
    let now = convert::version(&page);
    match if_match {
        Some(version) if now.as_deref() != Some(&**version) => {
            let sentence = "if_match: the page has been changed by now";
            let mut failure = received.failure(Kind::PreconditionFailed, sentence);
            failure.field = Some("if_match".into());
            Err(failure.never_sent())
        }
        _ => Ok(page),
    }
}

/// A page without a place stays where it is: BookStack takes even its own book for a move.
async fn put(bookstack: &BookStack, id: &str, sent: Option<&Sent>, title: Option<&str>) -> Result<Received, Failure> {
    let (markdown, html) = sent.map(Sent::fields).unwrap_or_default();
    let page = wire::NewPage {
        name: title,
        markdown,
        html,
        ..wire::NewPage::default()
    };
    bookstack
        .endpoint
        .send(bookstack.endpoint.put(&["pages", id], &page)?)
        .await
}

fn placed<'a>(parent: Parent, sent: &'a Sent, title: Option<&'a str>) -> wire::NewPage<'a> {
    let (book_id, chapter_id) = parent.fields();
    let (markdown, html) = sent.fields();
    wire::NewPage {
        book_id,
        chapter_id,
        name: title,
        markdown,
        html,
    }
}

/// Nothing more is asked for: were that to fail, a page that is there would be reported as a failure.
fn reply<O: Op<Output = DocPage>>(
    received: &Received,
    request: &Request<O>,
    sent: Option<&Sent>,
    format: Format,
) -> Result<Reply<DocPage>, Failure> {
    let row: Row<wire::Page> = received.row(request.include_raw)?;
    let mut text = body::answered(&row.wire, format);
    if let Some(sent) = sent {
        text.lost.extend(sent.dropped(&row.wire));
    }
    Ok(received.reply(convert::page(&request.instance, row, format, text)))
}
