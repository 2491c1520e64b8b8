//! Pages as files: Notion's own Markdown.
//!
//! Invariant: a file holds all of the page, or there is none.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use mosaic_actors::error::{Failure, Kind, Source};
use mosaic_actors::stream::{BodyStream, ByteStream};
use tokio::time::Instant;

use super::ids::uuid;
use super::{Notion, version, wire};
use crate::catalogue::docs::{ExportFormat, PageExport, PageExportMarkdown};
use crate::providers::http::{Received, too_large};
use crate::providers::{Reply, Request};

/// The most requests for one page.
const MOST_CALLS: usize = 200;
/// What stands where a block could not be written.
const UNKNOWN: &str = "<unknown";

pub async fn page(notion: Arc<Notion>, request: Request<PageExport>) -> Result<Reply<ByteStream>, Failure> {
    if request.input.format != ExportFormat::Markdown {
        let sentence = "pages can be had as Markdown alone at this provider";
        return Err(Failure::unsupported_field("format", sentence).never_sent());
    }
    file(&notion, &request.native, request.deadline).await
}

pub async fn markdown(notion: Arc<Notion>, request: Request<PageExportMarkdown>) -> Result<Reply<ByteStream>, Failure> {
    file(&notion, &request.native, request.deadline).await
}

async fn file(notion: &Notion, native: &str, deadline: Instant) -> Result<Reply<ByteStream>, Failure> {
    let id = uuid(native, "page")?;
    let received = notion.endpoint.send(notion.markdown_of(&id)?).await?;
    let told: wire::Markdown = received.json()?;
    let text = notion.completed(&received, told, deadline).await?;
    let bytes = Bytes::from(text);
    Ok(received.reply(ByteStream {
        media_type: Arc::from("text/markdown; charset=utf-8"),
        length: Some(bytes.len() as u64),
        name: Some(Arc::from(format!("{id}.md"))),
        bytes: BodyStream::from_items(futures_util::stream::iter((!bytes.is_empty()).then_some(Ok(bytes)))),
    }))
}

impl Notion {
    /// Only this version has it.
    fn markdown_of(&self, id: &str) -> Result<crate::providers::http::Outgoing, Failure> {
        let outgoing = self.endpoint.get(&["pages", id, "markdown"])?;
        Ok(outgoing.header(version::HEADER, version::OF_MARKDOWN))
    }

    /// A text whose gaps are filled: what was left out for its length is asked for by its id. A gap that nobody may fill
    /// stays as Notion marks it.
    async fn completed(&self, received: &Received, told: wire::Markdown, deadline: Instant) -> Result<String, Failure> {
        let mut text = told.markdown;
        let mut gaps = told.unknown_block_ids;
        let mut truncated = told.truncated;
        let mut calls = 0;
        let mut asked = HashSet::new();
        while truncated {
            if text.matches(UNKNOWN).count() != gaps.len() || gaps.is_empty() {
                return Err(received.unusable("the text is cut, and does not tell what is left out"));
            }
            (truncated, calls) = (false, calls + gaps.len());
            if calls > MOST_CALLS {
                return Err(too_large(
                    "the page is longer than can be had as a file",
                    Source::Gateway,
                ));
            }
            let mut next = vec![];
            let mut filled = String::new();
            let mut rest = text.as_str();
            for gap in gaps {
                // What is in itself has no end.
                if !asked.insert(gap.clone()) {
                    return Err(received.unusable("a part of the text leads back to itself"));
                }
                let (before, tag) = rest.split_at(rest.find(UNKNOWN).unwrap_or(rest.len()));
                let end = tag.find('>').map_or(tag.len(), |at| at + 1);
                filled.push_str(before);
                let part = self.patient(deadline, || self.markdown_of(&gap)).await;
                match part {
                    Ok(part) => {
                        let part: wire::Markdown = part.json()?;
                        truncated |= part.truncated;
                        next.extend(part.unknown_block_ids);
                        filled.push_str(&part.markdown);
                    }
                    Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::Forbidden) => {
                        let sentence = "a part of the page that was left out is not shown to us";
                        return Err(received.failure(Kind::Forbidden, sentence));
                    }
                    Err(failure) => return Err(failure),
                }
                rest = &tag[end..];
            }
            filled.push_str(rest);
            (text, gaps) = (filled, next);
        }
        Ok(text)
    }
}
