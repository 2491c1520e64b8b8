//! The requests that serve files.
//!
//! Invariant: a file is replaced or deleted only as the blob that was seen, by the caller or just before.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::ByteStream;

use super::lookup::{self, At, instead, named, no_commit, unread};
use super::{GitHub, convert, sayings, wire};
use crate::catalogue::git::{File, FileDelete, FileDownload, FileGet, FilePut, FileUpload, Written};
use crate::catalogue::op::Op;
use crate::catalogue::outcome::Deleted;
use crate::providers::forge::{self, FileWrite};
use crate::providers::http::{Outgoing, Received};
use crate::providers::{Reply, Request};
use crate::wire::file;

/// Raw bytes instead of base64 in JSON: the only form for files above 1 MB (H8).
const RAW: &str = "application/vnd.github.raw+json";

/// How often a write is tried: once more where another one came between (H10).
const ATTEMPTS: usize = 2;

/// A file's place in a repository.
#[derive(Clone, Copy)]
struct Spot<'a> {
    repo: At<'a>,
    path: &'a str,
    branch: Option<&'a str>,
}

impl<'a> Spot<'a> {
    /// Slashes of the path are slashes of the route (H17).
    fn parts(self) -> Vec<&'a str> {
        let mut parts = self.repo.parts(&["contents"]);
        parts.extend(self.path.split('/'));
        parts
    }

    fn read(self, github: &GitHub) -> Result<Outgoing, Failure> {
        Ok(github.endpoint.get(&self.parts())?.query_if("ref", self.branch))
    }
}

pub async fn get(github: Arc<GitHub>, request: Request<FileGet>) -> Result<Reply<File>, Failure> {
    let spot = Spot {
        repo: At::of("repo", &request.native)?,
        path: &request.input.path,
        branch: request.input.reference.as_deref(),
    };
    let received = match github.endpoint.send(spot.read(&github)?).await {
        Err(failure) => return Err(nothing_there(&github, spot, "ref", failure).await),
        sent => sent?,
    };
    let row = received.row::<wire::Content>(request.include_raw)?;
    let entry = entry(row.wire).map_err(|failure| failure.by(&request.instance))?;
    // `none` is the encoding of what is too large for JSON.
    let given = match entry.encoding.as_deref() {
        Some("none") => None,
        _ => forge::given(entry.content.as_deref(), entry.size),
    };
    let content = match given {
        Some(content) => forge::decode(content).ok_or_else(|| received.unusable("the file's content is not base64"))?,
        None => {
            let ask = spot.read(&github)?.accept(RAW);
            forge::raw_content(&github.endpoint, ask, entry.size, github.max_response).await?
        }
    };
    Ok(received.reply(forge::file(convert::place(entry), content, row.raw)))
}

/// What is missing where a file is: the repository, what `field` names of it, or only the file.
async fn nothing_there(github: &GitHub, spot: Spot<'_>, field: &str, failure: Failure) -> Failure {
    if failure.kind != Kind::NotFound || failure.field.is_some() {
        return failure;
    }
    // Where nobody has named a commit, none is missing.
    match (failure.message(), spot.branch) {
        (sayings::NO_COMMIT, _) => return no_commit(failure, field),
        (sayings::NOTHING_YET, Some(_)) => return named(failure.saying(sayings::NO_COMMIT), field),
        (sayings::NOTHING_YET, None) => return named(failure, "path"),
        _ => {}
    }
    let absent = match spot.branch {
        Some(name) => lookup::absent(github, spot.repo, name).await,
        None => None,
    };
    if let Some(absent) = absent {
        let absent = unread(github, spot.repo, absent, field).await;
        if absent.kind == Kind::NotFound {
            return absent;
        }
    }
    unread(github, spot.repo, failure, "path").await
}

/// Only a file has a content. Some versions call a submodule a file (H9).
fn entry(content: wire::Content) -> Result<wire::PathContent, Failure> {
    match content {
        wire::Content::Directory(entries) if entries.is_empty() => Err(forge::no_entry()),
        wire::Content::Directory(_) => Err(forge::no_file("dir")),
        wire::Content::Entry(entry) if entry.submodule_git_url.is_some() => Err(forge::no_file("submodule")),
        wire::Content::Entry(entry) if entry.kind == "file" => Ok(entry),
        wire::Content::Entry(entry) => Err(forge::no_file(&entry.kind)),
    }
}

pub async fn download(github: Arc<GitHub>, request: Request<FileDownload>) -> Result<Reply<ByteStream>, Failure> {
    let spot = Spot {
        repo: At::of("repo", &request.native)?,
        path: &request.input.path,
        branch: request.input.reference.as_deref(),
    };
    let opened = match github.endpoint.open_stored(spot.read(&github)?.accept(RAW)).await {
        Err(failure) => return Err(nothing_there(&github, spot, "ref", failure).await),
        opened => opened?,
    };
    // What has no bytes is described in JSON all the same; a file of JSON comes as what was asked for.
    if opened.is_described() {
        let received = opened.whole().await?;
        let refusal = match entry(received.json()?) {
            Ok(_) => received.unusable("the file was described instead of sent"),
            Err(failure) => received.blame(failure),
        };
        return Err(refusal);
    }
    let mut reply = opened.file("application/octet-stream")?;
    let name = spot.path.rsplit('/').next().unwrap_or_default();
    reply.value.media_type = file::media_type(name);
    reply.value.name = file::sound(name).then(|| Arc::from(name));
    Ok(reply)
}

pub async fn put(github: Arc<GitHub>, request: Request<FilePut>) -> Result<Reply<Written>, Failure> {
    written(&github, &request, FileWrite::held(&request)?).await
}

pub async fn upload(github: Arc<GitHub>, request: Request<FileUpload>) -> Result<Reply<Written>, Failure> {
    written(&github, &request, FileWrite::coming(&request)?).await
}

async fn written<O: Op<Output = Written>>(
    github: &GitHub,
    request: &Request<O>,
    file: FileWrite<'_>,
) -> Result<Reply<Written>, Failure> {
    let spot = Spot {
        repo: At::of("repo", &request.native)?,
        path: file.path,
        branch: file.branch,
    };
    let mut attempt = 1;
    loop {
        let sha = match file.if_match {
            Some(sha) => Some(sha.to_owned()),
            // Before the first write nothing was changed, and the whole may be repeated.
            None => present(github, spot)
                .await
                .map_err(|failure| unchanged(failure, attempt))?,
        };
        let verb = if sha.is_some() { "Update" } else { "Create" };
        let message = file
            .message
            .map_or_else(|| format!("{verb} {}", spot.path), str::to_owned);
        let body = wire::PutContent {
            message: &message,
            sha: sha.as_deref(),
            branch: spot.branch,
        };
        let outgoing = file.request(&github.endpoint, Method::PUT, &spot.parts(), &body)?;
        let again =
            |failure: &Failure| attempt < ATTEMPTS && file.is_there() && overtaken(failure, file.if_match.is_some());
        match github.endpoint.send(outgoing).await {
            Ok(received) => {
                let row = received.row(request.include_raw)?;
                return Ok(received.reply(convert::written(spot.path, spot.branch, sha.is_none(), row)));
            }
            Err(failure) if again(&failure) => attempt += 1,
            Err(failure) if file.if_match.is_some() && is_nowhere(&failure) => {
                return Err(nowhere(github, spot, failure).await);
            }
            Err(failure) => return Err(refused(failure, spot, file.if_match.is_some())),
        }
    }
}

/// The hash of the blob that stands there; none where nothing does.
async fn present(github: &GitHub, spot: Spot<'_>) -> Result<Option<String>, Failure> {
    let received = match github.endpoint.send(spot.read(github)?).await {
        // Whether the repository is there, the write will tell.
        Err(failure) if failure.kind == Kind::NotFound => return Ok(None),
        other => other?,
    };
    match received.json::<wire::Content>()? {
        wire::Content::Directory(entries) if entries.is_empty() => Ok(None),
        wire::Content::Directory(_) => Err(received.blame(forge::no_file("dir"))),
        wire::Content::Entry(entry) if entry.kind == "submodule" || entry.submodule_git_url.is_some() => {
            Err(received.blame(forge::no_file("submodule")))
        }
        wire::Content::Entry(entry) => Ok(Some(entry.sha)),
    }
}

/// A failure of the look before a write.
fn unchanged(failure: Failure, attempt: usize) -> Failure {
    match attempt {
        1 => failure.never_sent(),
        _ => failure,
    }
}

/// Whether another write came first, so that a second look makes sense; a blob that the caller named is not looked for
/// again.
fn overtaken(failure: &Failure, named: bool) -> bool {
    match failure.kind {
        Kind::Conflict => failure.message() == sayings::OVERTAKEN,
        Kind::PreconditionFailed => !named,
        _ => false,
    }
}

/// Whether GitHub says that something is not there, and not what.
fn is_nowhere(failure: &Failure) -> bool {
    failure.kind == Kind::NotFound && failure.field.is_none()
}

/// The failure of a write to a blob that the caller named, where something is not there: the blob, if all else is.
async fn nowhere(github: &GitHub, spot: Spot<'_>, failure: Failure) -> Failure {
    let gone = matches!(present(github, spot).await, Ok(None))
        && match spot.branch {
            Some(branch) => lookup::there(github, spot.repo, branch).await.is_ok(),
            None => lookup::commit(github, spot.repo, "branch", None).await.is_ok(),
        };
    match gone {
        true => {
            let sentence = "if_match: the file is not there any more";
            named(instead(&failure, Kind::PreconditionFailed, sentence), "if_match")
        }
        false => refused(failure, spot, true),
    }
}

/// The failure of a write, with what the caller knows of it.
fn refused(failure: Failure, spot: Spot<'_>, is_named: bool) -> Failure {
    let failure = match failure.kind {
        Kind::PreconditionFailed if is_named => named(failure, "if_match"),
        Kind::PreconditionFailed => overtaken_twice(&failure),
        _ => failure,
    };
    match failure.kind {
        // H11
        Kind::NotFound | Kind::Forbidden if spot.path.starts_with(".github/workflows/") => {
            failure.also("files below .github/workflows need a credential with the scope workflow")
        }
        _ => failure,
    }
}

/// The caller named no blob, and so none that does not match.
fn overtaken_twice(failure: &Failure) -> Failure {
    instead(failure, Kind::Conflict, sayings::OVERTAKEN)
}

pub async fn delete(github: Arc<GitHub>, request: Request<FileDelete>) -> Result<Reply<Deleted>, Failure> {
    let input = &request.input;
    let spot = Spot {
        repo: At::of("repo", &request.native)?,
        path: &input.path,
        branch: input.branch.as_deref(),
    };
    let message = input
        .message
        .as_deref()
        .map_or_else(|| format!("Delete {}", spot.path), str::to_owned);
    let mut attempt = 1;
    loop {
        let sha = match &input.if_match {
            Some(sha) => sha.to_string(),
            None => {
                let there = present(&github, spot)
                    .await
                    .map_err(|failure| unchanged(failure, attempt))?;
                match there {
                    Some(sha) => sha,
                    None => {
                        let absent = Failure::new(Kind::NotFound, "path is not there").by(&request.instance);
                        return Err(nothing_there(&github, spot, "branch", absent).await);
                    }
                }
            }
        };
        match github.endpoint.send(removal(&github, spot, &message, &sha)?).await {
            Ok(received) => return Ok(received.reply(gone(&received)?)),
            Err(failure) if attempt < ATTEMPTS && overtaken(&failure, input.if_match.is_some()) => attempt += 1,
            Err(failure) if input.if_match.is_some() && is_nowhere(&failure) => {
                return Err(nowhere(&github, spot, failure).await);
            }
            Err(failure) => return Err(refused(failure, spot, input.if_match.is_some())),
        }
    }
}

fn removal(github: &GitHub, spot: Spot<'_>, message: &str, sha: &str) -> Result<Outgoing, Failure> {
    let body = wire::DeleteContent {
        message,
        sha,
        branch: spot.branch,
    };
    github.endpoint.with_json(Method::DELETE, &spot.parts(), &body)
}

fn gone(received: &Received) -> Result<Deleted, Failure> {
    let done: wire::FileCommit = received.json()?;
    Ok(Deleted {
        commit: done.commit.map(|commit| commit.sha),
        ..Deleted::done()
    })
}
