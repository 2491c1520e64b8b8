//! The requests that read files.
//!
//! Invariant: a file's content is whole, or there is a failure.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::ByteStream;

use super::lookup::Place;
use super::refusal::is;
use super::{Gitea, convert, wire};
use crate::catalogue::git::{File, FileDownload, FileGet};
use crate::providers::forge;
use crate::providers::{Reply, Request};
use crate::wire::file;

/// The most symbolic links that are followed on the way to a file.
const MOST_LINKS: usize = 5;

pub async fn get(gitea: Arc<Gitea>, request: Request<FileGet>) -> Result<Reply<File>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let ask = |kind, path: &str| {
        let outgoing = gitea.endpoint.get(&parts(owner, name, kind, path))?;
        Ok::<_, Failure>(outgoing.query_if("ref", request.input.reference.as_deref()))
    };
    let mut path = request.input.path.to_string();
    let mut received = match gitea.endpoint.send(ask("contents", &path)?).await {
        Err(failure) => {
            return Err(nothing_there(&gitea, (owner, name), request.input.reference.as_deref(), failure).await);
        }
        other => other?,
    };
    let mut row = received.row::<wire::Content>(request.include_raw)?;
    for _ in 0..MOST_LINKS {
        // Gitea answers with the link itself, and says where it leads.
        let Some(target) = row.wire.link().and_then(|target| forge::linked(&path, target)) else {
            break;
        };
        received = match gitea.endpoint.send(ask("contents", &target)?).await {
            Err(failure) if failure.kind == Kind::NotFound => {
                return Err(forge::no_file("symlink").by(&request.instance));
            }
            other => other?,
        };
        row = received.row(request.include_raw)?;
        path = target;
    }
    let followed = *path != *request.input.path;
    let entry = entry(row.wire).map_err(|failure| match followed {
        true => forge::no_file("symlink").by(&request.instance),
        false => failure.by(&request.instance),
    })?;
    let content = match forge::given(entry.content.as_deref(), entry.size) {
        Some(content) => forge::decode(content).ok_or_else(|| received.unusable("the file's content is not base64"))?,
        None => {
            let ask = ask("raw", &path)?.accept("*/*");
            forge::raw_content(&gitea.endpoint, ask, entry.size, gitea.max_response).await?
        }
    };
    Ok(received.reply(forge::file(convert::place(entry), content, row.raw)))
}

/// What is missing where a file is: the repository, the ref, or only the file.
async fn nothing_there(gitea: &Gitea, place: Place<'_>, reference: Option<&str>, failure: Failure) -> Failure {
    if !is(&failure, &[404]) {
        return failure;
    }
    if let Some(reference) = reference {
        let look = async { Ok(gitea.commit_of(place, reference, "ref", Kind::NotFound).await.err()) };
        let absent = gitea.endpoint.look(look).await.flatten();
        if let Some(absent) = absent.filter(|absent| absent.kind == Kind::NotFound) {
            return absent;
        }
    }
    gitea.missing(place, failure, "path", Kind::NotFound).await
}

/// Only a file has a content.
fn entry(content: wire::Content) -> Result<wire::PathContent, Failure> {
    match content {
        wire::Content::Directory(entries) if entries.is_empty() => Err(forge::no_entry()),
        wire::Content::Directory(_) => Err(forge::no_file("dir")),
        wire::Content::Entry(entry) if entry.kind == "file" => Ok(entry),
        wire::Content::Entry(entry) => Err(forge::no_file(&entry.kind)),
    }
}

/// The path of a file's route; each part of the file's path is one of it.
pub fn parts<'a>(owner: &'a str, name: &'a str, kind: &'a str, path: &'a str) -> Vec<&'a str> {
    ["repos", owner, name, kind]
        .into_iter()
        .chain(path.split('/'))
        .collect()
}

/// A file's bytes as they come. The server may keep large ones elsewhere.
pub async fn download(gitea: Arc<Gitea>, request: Request<FileDownload>) -> Result<Reply<ByteStream>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let path = &request.input.path;
    let outgoing = gitea.endpoint.get(&parts(owner, name, "raw", path))?;
    let outgoing = outgoing.query_if("ref", request.input.reference.as_deref());
    let opened = match gitea.endpoint.open_stored(outgoing.accept("*/*")).await {
        Err(failure) => {
            return Err(nothing_there(&gitea, (owner, name), request.input.reference.as_deref(), failure).await);
        }
        other => other?,
    };
    let mut reply = opened.file("application/octet-stream")?;
    let last = path.rsplit('/').next().unwrap_or_default();
    reply.value.media_type = file::media_type(last);
    reply.value.name = Some(Arc::from(last));
    Ok(reply)
}
