//! Files that stand in a page as blocks.
//!
//! Invariant: an address that dies is never told: a file's block is read anew for each that wants it.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::ByteStream;
use serde_json::Value;

use super::ids::uuid;
use super::lists::MOST;
use super::tree::Node;
use super::{Notion, rich};
use crate::catalogue::Page;
use crate::catalogue::docs::{Attachment, AttachmentGet, AttachmentList};
use crate::catalogue::raw::Raw;
use crate::providers::http::Time;
use crate::providers::{Reply, Request};
use crate::wire::file;

/// Blocks that are files.
const FILES: [&str; 5] = ["audio", "file", "image", "pdf", "video"];

/// A cursor is the id of the last one that was told.
pub async fn list(notion: Arc<Notion>, request: Request<AttachmentList>) -> Result<Reply<Page<Attachment>>, Failure> {
    let id = uuid(&request.native, "page")?;
    let nodes = notion.nodes(&id, request.deadline).await?;
    let all = nodes.iter().flat_map(Node::all);
    let mut found: Vec<&Value> = all
        .map(|node| &node.json)
        .filter(|json| content(json).is_some())
        .collect();
    if let Some(last) = request.cursor() {
        let at = found.iter().position(|json| json["id"] == last);
        let strange = || Failure::invalid("cursor", "this cursor leads nowhere any more: begin anew");
        found.drain(..=at.ok_or_else(strange)?);
    }
    let size = request.limit().unwrap_or(MOST) as usize;
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).and_then(|json| json["id"].as_str());
    let next = next.map(str::to_owned);
    let items = found
        .into_iter()
        .filter_map(|json| attachment(&request.instance, &id, json, request.include_raw));
    Ok(Reply::of(Page::new(items.collect(), next)))
}

/// What is said of a file, where a block is one.
fn content(json: &Value) -> Option<&Value> {
    let name = json["type"].as_str().filter(|name| FILES.contains(name))?;
    json.get(name)
}

/// A file as it is told; none of a block that is none.
pub(super) fn attachment(instance: &str, page: &str, json: &Value, with_raw: bool) -> Option<Attachment> {
    let said = content(json)?;
    let time = |name: &str| {
        serde_json::from_value::<Time>(json[name].clone())
            .ok()
            .and_then(Time::text)
    };
    Some(Attachment {
        id: Resource::neutral_id(instance, json["id"].as_str()?),
        name: called(said),
        page: Resource::neutral_id(instance, page),
        external: said["external"].is_object(),
        created_at: time("created_time"),
        updated_at: time("last_edited_time"),
        raw: with_raw
            .then(|| serde_json::value::to_raw_value(json).ok().map(Raw::from))
            .flatten(),
    })
}

/// What a file is called: by its name, else as its address ends, else by its caption.
fn called(said: &Value) -> String {
    if let Some(name) = said["name"].as_str().filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    let address = said["external"]["url"]
        .as_str()
        .or_else(|| said["file"]["url"].as_str());
    let last = address.and_then(|address| {
        let url = url::Url::parse(address).ok()?;
        let last = url.path_segments()?.next_back()?.to_owned();
        let decoded = percent_encoding::percent_decode_str(&last)
            .decode_utf8()
            .ok()?
            .into_owned();
        file::sound(&decoded).then_some(decoded)
    });
    last.unwrap_or_else(|| rich::plain(&rich::read(&said["caption"], None)))
}

pub async fn get(notion: Arc<Notion>, request: Request<AttachmentGet>) -> Result<Reply<ByteStream>, Failure> {
    let id = uuid(&request.native, "attachment")?;
    let received = notion.endpoint.send(notion.endpoint.get(&["blocks", &id])?).await?;
    let block: Value = received.json()?;
    let Some(said) = content(&block) else {
        return Err(received.failure(Kind::NotFound, "the block is no file"));
    };
    let Some(address) = said["file"]["url"].as_str() else {
        let sentence = "the attachment is a link to another place, and no file";
        return Err(received.failure(Kind::Unsupported, sentence));
    };
    let name = called(said);
    let opened = notion.endpoint.open_at(address).await?;
    let mut reply = opened.file("application/octet-stream")?;
    reply.value.media_type = file::media_type(&name);
    if file::sound(&name) {
        reply.value.name = Some(Arc::from(name));
    }
    Ok(reply)
}
