//! Comments on issues: those of open discussions on their pages.
//!
//! Invariant: a comment's id is its issue's and its own.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use serde_json::json;

use super::super::comments::{heard, one, spoken};
use super::super::ids::uuid;
use super::super::{Notion, convert, rich, wire};
use super::issue_of;
use crate::catalogue::Page;
use crate::catalogue::outcome::Deleted;
use crate::catalogue::projects::{
    IssueComment, IssueCommentCreate, IssueCommentDelete, IssueCommentList, IssueCommentUpdate,
};
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

fn comment(instance: &str, issue: &str, Row { wire, raw }: Row<wire::Comment>) -> IssueComment {
    IssueComment {
        id: Resource::neutral_id(instance, format_args!("{issue}/{}", wire.id)),
        body: heard(&rich::read(&wire.rich_text, None)),
        author: wire.created_by.map(convert::person),
        internal: None,
        web_url: None,
        created_at: wire.created_time.text(),
        updated_at: wire.last_edited_time.text(),
        raw,
    }
}

pub async fn list(
    notion: Arc<Notion>,
    request: Request<IssueCommentList>,
) -> Result<Reply<Page<IssueComment>>, Failure> {
    let (_, page) = issue_of(&request.native, "issue")?;
    let (received, list) = notion.said(&request, &page).await?;
    let rows = received.rows_of::<wire::Comment>(&list.results, request.include_raw)?;
    let items = rows
        .into_iter()
        .map(|row| comment(&request.instance, &request.native, row))
        .collect();
    Ok(received.reply(Page::new(items, list.next())))
}

pub async fn create(notion: Arc<Notion>, request: Request<IssueCommentCreate>) -> Result<Reply<IssueComment>, Failure> {
    let (_, page) = issue_of(&request.native, "issue")?;
    let text = spoken(&request.input.body)?;
    let body = json!({"parent": {"type": "page_id", "page_id": page}, "rich_text": rich::items(&text)});
    let received = notion
        .endpoint
        .send(notion.endpoint.post(&["comments"], &body)?)
        .await?;
    let row: Row<wire::Comment> = received.row(request.include_raw)?;
    let partial = !row.wire.rich_text.is_array();
    let mut comment = comment(&request.instance, &request.native, row);
    if partial {
        comment.body = heard(&text);
    }
    Ok(received.reply(comment))
}

/// The issue of a comment, and its own id, once it is seen to stand on that issue.
async fn parts<'n>(notion: &Notion, native: &'n str) -> Result<(&'n str, String), Failure> {
    let wrong = || Failure::invalid("comment", "comment must be written as an issue's id, / and its own").never_sent();
    let (issue, id) = native.rsplit_once('/').ok_or_else(wrong)?;
    let (_, page) = issue_of(issue, "comment")?;
    let id = uuid(id, "comment")?;
    match one(notion, &id, &page).await {
        // Who may write comments need not be allowed to read any.
        Err(failure) if failure.kind != Kind::Forbidden => Err(failure.never_sent()),
        _ => Ok((issue, id)),
    }
}

pub async fn update(notion: Arc<Notion>, request: Request<IssueCommentUpdate>) -> Result<Reply<IssueComment>, Failure> {
    let text = spoken(&request.input.body)?;
    let (issue, id) = parts(&notion, &request.native).await?;
    let body = json!({"rich_text": rich::items(&text)});
    let received = notion
        .endpoint
        .send(notion.endpoint.patch(&["comments", &id], &body)?)
        .await?;
    let row: Row<wire::Comment> = received.row(request.include_raw)?;
    let partial = !row.wire.rich_text.is_array();
    let mut comment = comment(&request.instance, issue, row);
    if partial {
        comment.body = heard(&text);
    }
    Ok(received.reply(comment))
}

pub async fn delete(notion: Arc<Notion>, request: Request<IssueCommentDelete>) -> Result<Reply<Deleted>, Failure> {
    let (_, id) = parts(&notion, &request.native).await?;
    let outgoing = notion.endpoint.delete(&["comments", &id])?;
    Ok(notion.endpoint.send(outgoing).await?.reply(Deleted::done()))
}
