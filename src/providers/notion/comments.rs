//! Comments on pages: those of open discussions.
//!
//! Invariant: a reply is put into the discussion of what it replies to.

use std::collections::HashMap;
use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use serde_json::json;

use super::block::{Block, Kind as Is};
use super::ids::uuid;
use super::lists::MOST;
use super::rich::{self, MOST_ITEMS, Rich, Run};
use super::{Notion, convert, markdown, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::{PageComment, PageCommentCreate, PageCommentList};
use crate::catalogue::op::{Op, Paged};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

impl Notion {
    /// The request's page of the comments on a page: those of its open discussions.
    pub(super) async fn said<O>(&self, request: &Request<O>, page: &str) -> Result<(Received, wire::List), Failure>
    where
        O: Op<Input: Paged>,
    {
        let outgoing = self
            .endpoint
            .get(&["comments"])?
            .query("block_id", page)
            .query("page_size", request.limit().unwrap_or(MOST).to_string())
            .query_if("start_cursor", request.cursor());
        let received = self.endpoint.send(outgoing).await?;
        let list = received.json()?;
        Ok((received, list))
    }
}

pub async fn list(notion: Arc<Notion>, request: Request<PageCommentList>) -> Result<Reply<Page<PageComment>>, Failure> {
    let id = uuid(&request.native, "page")?;
    let (received, list) = notion.said(&request, &id).await?;
    let rows = received.rows_of::<wire::Comment>(&list.results, request.include_raw)?;
    // Whoever speaks first in a discussion begins it; of one that began on an earlier page nobody tells.
    let mut begun: HashMap<String, String> = HashMap::new();
    let mut items = vec![];
    for row in rows {
        let discussion = row.wire.discussion_id.clone();
        let mut comment = comment(&request.instance, &id, row);
        if let Some(discussion) = discussion {
            comment.reply_to = begun.get(&discussion).cloned();
            begun.entry(discussion).or_insert_with(|| comment.id.clone());
        }
        items.push(comment);
    }
    Ok(received.reply(Page::new(items, list.next())))
}

pub async fn create(notion: Arc<Notion>, request: Request<PageCommentCreate>) -> Result<Reply<PageComment>, Failure> {
    let input = &request.input;
    let id = uuid(&request.native, "page")?;
    let text = spoken(&input.body)?;
    let mut body = json!({"rich_text": rich::items(&text)});
    match &input.reply_to {
        Some(reply_to) => body["discussion_id"] = discussion(&notion, reply_to.resource().native(), &id).await?.into(),
        None => body["parent"] = json!({"type": "page_id", "page_id": id}),
    }
    let received = notion
        .endpoint
        .send(notion.endpoint.post(&["comments"], &body)?)
        .await?;
    let row: Row<wire::Comment> = received.row(request.include_raw)?;
    let partial = !row.wire.rich_text.is_array();
    let mut comment = comment(&request.instance, &id, row);
    if partial {
        comment.body = input.body.to_string();
    }
    let reply_to = input.reply_to.as_ref();
    comment.reply_to = reply_to.map(|comment| Resource::neutral_id(&request.instance, comment.resource().native()));
    Ok(received.reply(comment))
}

/// The discussion of a comment, `PAGE/COMMENT`.
async fn discussion(notion: &Notion, native: &str, page: &str) -> Result<String, Failure> {
    let wrong = || Failure::invalid("reply_to", "reply_to must be a comment of the same page").never_sent();
    let (of, id) = native.rsplit_once('/').ok_or_else(wrong)?;
    if of != page {
        return Err(wrong());
    }
    let id = uuid(id, "reply_to")?;
    let (received, comment) = one(notion, &id, page).await?;
    comment
        .discussion_id
        .ok_or_else(|| received.failure(Kind::Forbidden, "our credential's connection may not read the comment"))
}

/// A comment, where it stands on this page: one on another is not found by this page's name.
pub async fn one(notion: &Notion, id: &str, page: &str) -> Result<(Received, wire::Comment), Failure> {
    let received = notion.endpoint.send(notion.endpoint.get(&["comments", id])?).await?;
    let comment: wire::Comment = received.json()?;
    match comment.parent["page_id"].as_str().is_none_or(|on| on == page) {
        true => Ok((received, comment)),
        false => Err(received.failure(Kind::NotFound, "the comment stands on another page")),
    }
}

fn comment(instance: &str, page: &str, Row { wire, raw }: Row<wire::Comment>) -> PageComment {
    PageComment {
        id: Resource::neutral_id(instance, format_args!("{page}/{}", wire.id)),
        body: heard(&rich::read(&wire.rich_text, None)),
        reply_to: None,
        author: wire.created_by.map(convert::person),
        created_at: wire.created_time.text(),
        updated_at: wire.last_edited_time.text(),
        raw,
    }
}

/// A comment's text as Markdown.
pub fn heard(text: &Rich) -> String {
    match text.is_empty() {
        true => String::new(),
        false => markdown::words(text, markdown::Place::Paragraph),
    }
}

/// Markdown as the text of a comment: it has no blocks, so that what is one stands there as it is written.
pub fn spoken(body: &str) -> Result<Rich, Failure> {
    let told = markdown::read(body)
        .map_err(|markdown::TooDeep| Failure::invalid("body", "body is nested too deeply").never_sent())?;
    let is_words = |block: &Block| matches!(block.kind, Is::Paragraph(_));
    let mut text = Rich::new();
    // Items of one list stand together.
    for blocks in told.blocks.chunk_by(|a, b| !is_words(a) && !is_words(b)) {
        if !text.is_empty() {
            rich::push(&mut text, Run::text("\n\n"));
        }
        match blocks {
            [
                Block {
                    kind: Is::Paragraph(said),
                    ..
                },
            ] => said.iter().for_each(|run| rich::push(&mut text, run.clone())),
            others => rich::push(&mut text, Run::text(markdown::write(others))),
        }
    }
    match rich::items(&text).len() > MOST_ITEMS {
        true => {
            let sentence =
                format!("a comment has at most {MOST_ITEMS} parts of at most 2000 characters at this provider");
            Err(Failure::invalid("body", sentence).never_sent())
        }
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N27: a comment has words and no blocks.
    #[test]
    fn what_is_said_is_heard() {
        for (said, heard_as) in [
            ("a **b** [c](https://e.example)", "a **b** [c](https://e.example)"),
            ("one\n\ntwo", "one&#10;\\\ntwo"),
        ] {
            assert_eq!(heard(&spoken(said).expect("fits")), heard_as);
        }
        let list = spoken("- a\n- b").expect("fits");
        assert_eq!(rich::plain(&list), "- a\n- b");
        assert!(spoken(&"**a**b".repeat(60)).is_err());
    }
}
