//! The requests that serve what is attached to pages.
//!
//! Invariant: an input that BookStack cannot be asked is refused before anything is sent, naming the field.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use mosaic_actors::error::{Failure, Kind, Source};
use mosaic_actors::stream::{BodyStream, ByteStream};

use super::lists::ROWS;
use super::requests::page_id;
use super::{BookStack, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::{Attachment, AttachmentGet, AttachmentList, AttachmentUpload};
use crate::providers::http::{Form, Row, too_large};
use crate::providers::{Reply, Request};
use crate::wire::file;

pub async fn list(
    bookstack: Arc<BookStack>,
    request: Request<AttachmentList>,
) -> Result<Reply<Page<Attachment>>, Failure> {
    let id = page_id(&request.native)?;
    let listed = bookstack
        .list("attachments", &[("uploaded_to", &id)], &ROWS, &request)
        .await?;
    Ok(listed.page(|row: Row<wire::Attachment>| {
        let own = row.wire.uploaded_to.to_string() == id;
        own.then(|| convert::attachment(&request.instance, row))
    }))
}

/// BookStack takes the extension from the file's name, and shows the other name.
pub async fn upload(
    bookstack: Arc<BookStack>,
    request: Request<AttachmentUpload>,
) -> Result<Reply<Attachment>, Failure> {
    let id = page_id(&request.native)?;
    let (upload, name) = request.file(request.input.name.as_deref())?;
    let file = upload.name.clone().unwrap_or_else(|| Arc::from(&*name));
    let form = Form::new("file", &file, upload)?
        .field("name", name)
        .field("uploaded_to", id);
    let outgoing = bookstack.endpoint.post_form(&["attachments"], form)?;
    let received = bookstack.endpoint.send(outgoing).await.map_err(called_name)?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::attachment(&request.instance, row)))
}

/// What is a page's title there is called a name here.
pub(super) fn called_name(mut failure: Failure) -> Failure {
    if failure.field.as_deref() == Some("title") {
        failure.field = Some(Arc::from("name"));
    }
    failure
}

/// The largest file that is got, in bytes, as the operation's summary says: its answer is held in memory, as text and as
/// what that says.
const LARGEST: usize = 20 << 20;

/// BookStack answers with the whole file as base64 within its JSON; what kind of file it is, its name tells.
pub async fn get(bookstack: Arc<BookStack>, request: Request<AttachmentGet>) -> Result<Reply<ByteStream>, Failure> {
    let id = match request.native.parse::<u64>() {
        Ok(id) if id > 0 => id.to_string(),
        _ => return Err(Failure::invalid("attachment", "attachment must be the number of one").never_sent()),
    };
    let outgoing = bookstack.endpoint.get(&["attachments", &id])?;
    let opened = bookstack.endpoint.open(outgoing).await?;
    // An answer that is sound and cannot be used is larger than any may be.
    let received = opened
        .whole()
        .await
        .map_err(|failure| match failure.unreadable && failure.sound {
            true => unheld(failure),
            false => failure,
        })?;
    let attached: wire::AttachedFile = received.json()?;
    if attached.attachment.external {
        let sentence = "the attachment is a link to another place, and no file";
        return Err(received.failure(Kind::Unsupported, sentence));
    }
    if attached.content.len().div_ceil(4) * 3 > LARGEST + 2 {
        return Err(unheld(received.failure(Kind::Unsupported, "")));
    }
    let decoded = BASE64_STANDARD.decode(&attached.content);
    let bytes = Bytes::from(decoded.map_err(|_| received.unusable("the attachment's content is not base64"))?);
    let name = convert::file_name(&attached.attachment);
    Ok(received.reply(ByteStream {
        media_type: file::media_type(&name),
        length: Some(bytes.len() as u64),
        name: Some(Arc::from(name)),
        bytes: BodyStream::from_items(futures_util::stream::iter((!bytes.is_empty()).then_some(Ok(bytes)))),
    }))
}

fn unheld(failure: Failure) -> Failure {
    let sentence = format!(
        "the attachment is larger than {} MiB, the most that is got of a provider that packs files into JSON",
        LARGEST >> 20
    );
    let mut refusal = too_large(&sentence, Source::Gateway);
    refusal.provider = failure.provider;
    refusal
}
