//! The requests that serve files.
//!
//! Invariant: content goes out as base64 and says so, and what stands there is looked at before anything is written.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind, Source};
use mosaic_actors::stream::ByteStream;

use super::asked::{means, of_reference};
use super::{GitLab, convert, ids, wire};
use crate::catalogue::git::{File, FileDelete, FileDownload, FileGet, FilePut, FileUpload, Written};
use crate::catalogue::op::Op;
use crate::catalogue::outcome::Deleted;
use crate::providers::forge::{self, FileWrite};
use crate::providers::http::{Outgoing, Received, Row, too_large};
use crate::providers::{Reply, Request};
use crate::wire::file::media_type;

/// What stands for the default branch's newest commit; something has to.
const HEAD: &str = "HEAD";
/// Of a file in an empty repository.
const NOTHING_YET: &str = "path is not there: the repository is empty";

pub async fn get(gitlab: Arc<GitLab>, request: Request<FileGet>) -> Result<Reply<File>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let outgoing = gitlab.get(&["projects", path, "repository", "files", &request.input.path])?;
    let outgoing = outgoing.query("ref", request.input.reference.as_deref().unwrap_or(HEAD));
    let named = request.input.reference.is_some();
    let opened = gitlab
        .endpoint
        .open(outgoing)
        .await
        .map_err(|failure| of_file(failure, named))?;
    // An answer that is sound and cannot be used is larger than any may be.
    let received = opened
        .whole()
        .await
        .map_err(|failure| match failure.unreadable && failure.sound {
            true => {
                let sentence = "the file is larger than what is held of an answer; git.file.download gives it";
                too_large(sentence, Source::Gateway).by(&request.instance)
            }
            false => failure,
        })?;
    let Row { mut wire, raw }: Row<wire::File> = received.row(request.include_raw)?;
    let content = wire.content.take().unwrap_or_default();
    let content = match wire.encoding.as_deref() {
        Some("text") => content.into_bytes(),
        _ => forge::decode(&content).ok_or_else(|| received.unusable("the file's content is not base64"))?,
    };
    Ok(received.reply(forge::file(convert::place(wire), content, raw)))
}

pub async fn download(gitlab: Arc<GitLab>, request: Request<FileDownload>) -> Result<Reply<ByteStream>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let file = &request.input.path;
    let outgoing = gitlab.get(&["projects", path, "repository", "files", file, "raw"])?;
    let outgoing = outgoing.query("ref", request.input.reference.as_deref().unwrap_or(HEAD));
    let named = request.input.reference.is_some();
    let mut reply = gitlab
        .endpoint
        .open(outgoing.accept("*/*"))
        .await
        .map_err(|failure| of_file(failure, named))?
        .file("application/octet-stream")?;
    // GitLab calls all of them plain text.
    reply.value.media_type = media_type(&**file);
    Ok(reply)
}

/// The failure of a file that is not there: where nobody has named a commit, none is missing but in an empty repository.
fn of_file(failure: Failure, named: bool) -> Failure {
    let failure = of_reference(failure);
    match failure.field.as_deref() {
        Some("ref") if !named => means(&failure, Kind::NotFound, Some("path"), NOTHING_YET),
        _ => failure,
    }
}

/// The file at a path, as it is named.
struct AtPath {
    blob: String,
    last_commit: String,
}

/// Asks what stands at a path of a branch, without its content.
async fn at_path(gitlab: &GitLab, path: &str, file: &str, branch: &str) -> Result<Option<AtPath>, Failure> {
    let outgoing = gitlab.bare(Method::HEAD, &["projects", path, "repository", "files", file])?;
    let received = match gitlab.endpoint.send(outgoing.query("ref", branch)).await {
        Err(failure) if failure.kind == Kind::NotFound => return Ok(None),
        other => other?,
    };
    let told = |name| received.header(name).map(str::to_owned);
    let named = told("x-gitlab-blob-id").zip(told("x-gitlab-last-commit-id"));
    let lost = || received.unusable("the answer does not name the file's blob and commit in its headers");
    let (blob, last_commit) = named.ok_or_else(lost)?;
    Ok(Some(AtPath { blob, last_commit }))
}

/// The commit that the file must still be at, where the caller named what stands there.
fn expected<'a>(before: Option<&'a AtPath>, if_match: Option<&str>) -> Result<Option<&'a str>, Failure> {
    let Some(version) = if_match else {
        return Ok(None);
    };
    match before {
        Some(file) if file.blob == version || file.last_commit == version => Ok(Some(&*file.last_commit)),
        Some(_) => Err(another("the file is another by now").never_sent()),
        None => Err(another("there is no such file any more").never_sent()),
    }
}

fn another(sentence: &str) -> Failure {
    let mut failure = Failure::new(Kind::PreconditionFailed, sentence);
    failure.field = Some("if_match".into());
    failure
}

/// The branch to be written to.
async fn branch(gitlab: &GitLab, path: &str, named: Option<&str>) -> Result<String, Failure> {
    match named {
        Some(branch) => Ok(branch.to_owned()),
        None => gitlab.default_branch(path).await,
    }
}

/// The branch that a file is to go from: the default branch of an empty repository holds none.
async fn holding(gitlab: &GitLab, path: &str, named: Option<&str>) -> Result<String, Failure> {
    if let Some(branch) = named {
        return Ok(branch.to_owned());
    }
    gitlab.beginning(path, "branch").await.map_err(|failure| {
        let missing = failure.kind == Kind::Conflict && failure.field.is_none();
        match missing {
            true => means(&failure, Kind::NotFound, Some("path"), NOTHING_YET).never_sent(),
            false => failure,
        }
    })
}

pub async fn put(gitlab: Arc<GitLab>, request: Request<FilePut>) -> Result<Reply<Written>, Failure> {
    written(&gitlab, &request, FileWrite::held(&request)?).await
}

pub async fn upload(gitlab: Arc<GitLab>, request: Request<FileUpload>) -> Result<Reply<Written>, Failure> {
    written(&gitlab, &request, FileWrite::coming(&request)?).await
}

async fn written<O: Op<Output = Written>>(
    gitlab: &GitLab,
    request: &Request<O>,
    file: FileWrite<'_>,
) -> Result<Reply<Written>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let by = |failure: Failure| failure.by(&request.instance);
    let branch = branch(gitlab, path, file.branch).await.map_err(by)?;
    let before = at_path(gitlab, path, file.path, &branch)
        .await
        .map_err(Failure::never_sent)?;
    let last_commit_id = expected(before.as_ref(), file.if_match).map_err(by)?;
    let ask = |created: bool| {
        let (method, done) = if created {
            (Method::POST, "Create")
        } else {
            (Method::PUT, "Update")
        };
        let body = wire::NewFile {
            branch: &branch,
            commit_message: &file
                .message
                .map_or_else(|| format!("{done} {}", file.path), str::to_owned),
            encoding: "base64",
            last_commit_id,
        };
        let parts = ["projects", path, "repository", "files", file.path];
        let outgoing = file.request(&gitlab.endpoint, method, &parts, &body)?;
        Ok::<_, Failure>(gitlab.endpoint.written_out(outgoing))
    };
    let mut created = before.is_none();
    let mut sent = gitlab.endpoint.send(ask(created)?).await;
    let slower = sent.as_ref().is_err_and(|failure| was_slower(failure, created));
    if last_commit_id.is_none() && slower && file.is_there() {
        created = !created;
        sent = gitlab.endpoint.send(ask(created)?).await;
    }
    let received = sent.map_err(|failure| gone(failure, file.if_match.is_some()))?;
    let Row { wire, raw }: Row<wire::WrittenFile> = received.row(request.include_raw)?;
    // The file is written: that it cannot be read again is no failure of that, and what it is now remains untold.
    let after = at_path(gitlab, path, file.path, &branch).await.ok().flatten();
    let old = before.map(|before| before.last_commit);
    Ok(received.reply(Written {
        path: wire.file_path.unwrap_or_else(|| file.path.to_owned()),
        // What was written as it stood has no commit of its own.
        commit: after
            .as_ref()
            .map(|after| after.last_commit.clone())
            .filter(|commit| Some(commit) != old.as_ref()),
        sha: after.map(|after| after.blob),
        branch: Some(wire.branch.unwrap_or(branch)),
        created: Some(created),
        web_url: None,
        raw,
    }))
}

/// Whether somebody else made, or took away, the file meanwhile.
fn was_slower(failure: &Failure, created: bool) -> bool {
    let expected = if created { Kind::Conflict } else { Kind::NotFound };
    failure.kind == expected && failure.field.as_deref() == Some("path")
}

/// A file that went after it was looked at is not the one that the caller named.
fn gone(failure: Failure, named: bool) -> Failure {
    match named && was_slower(&failure, false) {
        true => means(
            &failure,
            Kind::PreconditionFailed,
            Some("if_match"),
            "there is no such file any more",
        ),
        false => failure,
    }
}

pub async fn delete(gitlab: Arc<GitLab>, request: Request<FileDelete>) -> Result<Reply<Deleted>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let (input, by) = (&request.input, |failure: Failure| failure.by(&request.instance));
    let branch = holding(&gitlab, path, input.branch.as_deref()).await.map_err(by)?;
    let before = match input.if_match {
        Some(_) => at_path(&gitlab, path, &input.path, &branch)
            .await
            .map_err(Failure::never_sent)?,
        None => None,
    };
    let last_commit_id = expected(before.as_ref(), input.if_match.as_deref()).map_err(by)?;
    let named = format!("Delete {}", &*input.path);
    let file = wire::NoFile {
        branch: &branch,
        commit_message: input.message.as_deref().unwrap_or(&named),
        last_commit_id,
    };
    let outgoing: Outgoing = gitlab.with(
        Method::DELETE,
        &["projects", path, "repository", "files", &input.path],
        &file,
    )?;
    let sent: Result<Received, Failure> = gitlab.endpoint.send(outgoing).await;
    let received = match sent.map_err(|failure| gone(failure, input.if_match.is_some())) {
        Err(failure) if was_slower(&failure, false) => return Err(no_branch(&gitlab, path, &branch, failure).await),
        received => received?,
    };
    Ok(received.reply(Deleted::done()))
}

/// A file that is not there, of a branch that may not be either: GitLab misses the file first.
async fn no_branch(gitlab: &GitLab, path: &str, branch: &str, failure: Failure) -> Failure {
    match gitlab.endpoint.look(gitlab.lacks_commit(path, branch)).await {
        Some(true) => means(
            &failure,
            Kind::NotFound,
            Some("branch"),
            "branch is not there, or not shown to us",
        ),
        _ => failure,
    }
}
