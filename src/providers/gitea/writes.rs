//! The requests that write and delete files, each in a commit of its own.
//!
//! Invariant: a file is replaced or deleted only as the one whose hash was named or read just before.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::files::parts;
use super::lookup::Place;
use super::refusal::{PROTECTED, blaming, is, is_unexplained};
use super::{Gitea, wire};
use crate::catalogue::git::{FileDelete, FilePut, FileUpload, Written};
use crate::catalogue::link::Link;
use crate::catalogue::op::Op;
use crate::catalogue::outcome::Deleted;
use crate::providers::forge::{self, FileWrite};
use crate::providers::http::{Outgoing, Received};
use crate::providers::{Reply, Request};

/// The statuses by which servers say that the file is not as it was said to be: 422 or 409 where its hash is another (a
/// deletion: 400 before 1.25), 422 where one is there that should not be, 404 where none is (500 before 1.25).
const OTHERWISE: [u16; 5] = [400, 404, 409, 422, 500];

/// A file to be written or deleted.
struct Target<'a> {
    place: Place<'a>,
    path: &'a str,
    branch: Option<&'a str>,
}

pub async fn put(gitea: Arc<Gitea>, request: Request<FilePut>) -> Result<Reply<Written>, Failure> {
    written(&gitea, &request, FileWrite::held(&request)?).await
}

pub async fn upload(gitea: Arc<Gitea>, request: Request<FileUpload>) -> Result<Reply<Written>, Failure> {
    written(&gitea, &request, FileWrite::coming(&request)?).await
}

async fn written<O: Op<Output = Written>>(
    gitea: &Gitea,
    request: &Request<O>,
    file: FileWrite<'_>,
) -> Result<Reply<Written>, Failure> {
    let target = Target {
        place: forge::project("repo", &request.native)?,
        path: file.path,
        branch: file.branch,
    };
    let write = |sha: Option<String>| {
        let (target, file) = (&target, &file);
        async move { target.write(gitea, file, sha).await }
    };
    let (received, created) = match file.if_match {
        Some(version) => {
            let sent = write(Some(version.to_owned())).await;
            (target.as_named(gitea, sent, version).await?, false)
        }
        None => {
            let found = target.sha(gitea).await;
            let sha = found.map_err(|failure| failure.by(&request.instance).never_sent())?;
            match write(sha.clone()).await {
                Ok(received) => (received, sha.is_none()),
                // One that cannot be sent anew is refused as it is.
                Err(failure) if !file.is_there() => return Err(failure),
                Err(failure) => {
                    let sha = target.changed(gitea, failure, &sha).await?;
                    let created = sha.is_none();
                    (write(sha).await?, created)
                }
            }
        }
    };
    let row = received.row::<wire::WrittenFile>(request.include_raw)?;
    let content = row.wire.content;
    let told = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (path, sha, web_url) = content.map_or((None, None, None), |content| {
        (told(content.path), told(content.sha), told(content.html_url))
    });
    Ok(received.reply(Written {
        path: path.unwrap_or_else(|| file.path.to_owned()),
        sha,
        commit: row.wire.commit.and_then(|commit| told(commit.sha)),
        branch: file.branch.map(str::to_owned),
        created: Some(created),
        web_url: web_url.map(Link::from),
        raw: row.raw,
    }))
}

pub async fn delete(gitea: Arc<Gitea>, request: Request<FileDelete>) -> Result<Reply<Deleted>, Failure> {
    let input = &request.input;
    let target = Target {
        place: forge::project("repo", &request.native)?,
        path: &input.path,
        branch: input.branch.as_deref(),
    };
    let remove = |sha: String| {
        let (gitea, target) = (&gitea, &target);
        async move { target.remove(gitea, input.message.as_deref(), &sha).await }
    };
    let received = match &input.if_match {
        Some(version) => {
            let sent = remove(version.to_string()).await;
            target.as_named(&gitea, sent, version).await?
        }
        None => {
            let found = target.there(&gitea).await;
            let sha = found.map_err(|failure| failure.by(&request.instance).never_sent())?;
            match remove(sha.clone()).await {
                Ok(received) => received,
                Err(failure) => match target.changed(&gitea, failure, &Some(sha)).await? {
                    Some(sha) => remove(sha).await?,
                    None => return Err(absent().by(&request.instance)),
                },
            }
        }
    };
    let done: wire::DeletedFile = received.json()?;
    Ok(received.reply(Deleted {
        commit: done.commit.and_then(|commit| commit.sha),
        ..Deleted::done()
    }))
}

fn absent() -> Failure {
    let mut failure = Failure::new(Kind::NotFound, "path is not there");
    failure.field = Some("path".into());
    failure
}

impl Target<'_> {
    /// Writes it: anew where `sha` names no file that is there.
    async fn write(&self, gitea: &Gitea, file: &FileWrite<'_>, sha: Option<String>) -> Result<Received, Failure> {
        let (method, verb) = match sha {
            None => (Method::POST, "Create"),
            Some(_) => (Method::PUT, "Update"),
        };
        let body = wire::NewFile {
            message: &self.message(file.message, verb),
            branch: self.branch,
            sha: sha.as_deref(),
        };
        let outgoing = file.request(&gitea.endpoint, method, &self.parts(), &body)?;
        self.send(gitea, outgoing).await
    }

    async fn remove(&self, gitea: &Gitea, message: Option<&str>, sha: &str) -> Result<Received, Failure> {
        let file = wire::OldFile {
            sha,
            message: &self.message(message, "Delete"),
            branch: self.branch,
        };
        let outgoing = gitea.endpoint.with_json(Method::DELETE, &self.parts(), &file)?;
        self.send(gitea, outgoing).await
    }

    fn message(&self, message: Option<&str>, verb: &str) -> String {
        let given = message.filter(|message| !message.trim().is_empty());
        given.map_or_else(|| format!("{verb} {}", self.path), str::to_owned)
    }

    fn parts(&self) -> Vec<&str> {
        let (owner, name) = self.place;
        parts(owner, name, "contents", self.path)
    }

    async fn send(&self, gitea: &Gitea, outgoing: Outgoing) -> Result<Received, Failure> {
        match gitea.endpoint.send(outgoing).await {
            Err(failure) if is_unexplained(&failure) => Err(self.forbidden(gitea, failure).await),
            sent => sent,
        }
    }

    /// What a prohibition means of which the server says nothing that is known: that the branch is protected, or not.
    async fn forbidden(&self, gitea: &Gitea, failure: Failure) -> Failure {
        let protected = gitea.endpoint.look(async {
            let branch = match self.branch {
                Some(branch) => branch.to_owned(),
                None => gitea.default_branch(self.place).await?,
            };
            Ok(gitea.is_protected(self.place, &branch).await)
        });
        match protected.await == Some(true) {
            true => blaming(&failure, Kind::Forbidden, "branch", PROTECTED),
            false => failure,
        }
    }

    /// The hash of the file that is there now, if one is.
    async fn sha(&self, gitea: &Gitea) -> Result<Option<String>, Failure> {
        let (owner, name) = self.place;
        let outgoing = gitea.endpoint.get(&parts(owner, name, "contents", self.path))?;
        let received = match gitea.endpoint.send(outgoing.query_if("ref", self.branch)).await {
            Err(failure) if failure.kind == Kind::NotFound => return Ok(None),
            // Its content comes along, and may be more than an answer may hold: the list of its directory has none.
            Err(failure) if failure.unreadable && failure.sound => return self.sha_in_list(gitea).await,
            other => other?,
        };
        match received.json::<wire::Content>()? {
            wire::Content::Entry(entry) => Ok(Some(entry.sha)),
            wire::Content::Directory(entries) if entries.is_empty() => Ok(None),
            wire::Content::Directory(_) => Err(received.blame(forge::no_file("dir"))),
        }
    }

    async fn sha_in_list(&self, gitea: &Gitea) -> Result<Option<String>, Failure> {
        let (owner, name) = self.place;
        let (above, last) = self.path.rsplit_once('/').unwrap_or(("", self.path));
        let mut parts = vec!["repos", owner, name, "contents"];
        parts.extend(above.split('/').filter(|part| !part.is_empty()));
        let outgoing = gitea.endpoint.get(&parts)?.query_if("ref", self.branch);
        let entries = gitea.endpoint.send(outgoing).await?.rows::<wire::PathContent>(false)?;
        let found = entries.into_iter().find(|row| row.wire.name == last);
        Ok(found.map(|row| row.wire.sha))
    }

    /// The hash of the file, which has to be there.
    async fn there(&self, gitea: &Gitea) -> Result<String, Failure> {
        match self.sha(gitea).await? {
            Some(sha) => Ok(sha),
            None => Err(self.missing(gitea, absent()).await),
        }
    }

    /// Says what is missing: the repository, the branch, or only the file.
    async fn missing(&self, gitea: &Gitea, failure: Failure) -> Failure {
        match self.branch {
            Some(branch) if gitea.lacks_branch(self.place, branch).await => {
                gitea.missing(self.place, failure, "branch", Kind::NotFound).await
            }
            _ => match gitea.repo(self.place).await {
                Err(absent) if absent.kind == Kind::NotFound => absent,
                _ => failure,
            },
        }
    }

    /// After a refusal: what the file is now, where somebody was faster than we. What was sent may then be sent anew.
    async fn changed(
        &self,
        gitea: &Gitea,
        failure: Failure,
        before: &Option<String>,
    ) -> Result<Option<String>, Failure> {
        // With 500 it may have been we who changed it.
        let refused = failure.kind != Kind::Forbidden && is(&failure, &[400, 404, 409, 422]);
        if !refused {
            return Err(failure);
        }
        let now = self.sha(gitea).await?;
        match now == *before {
            false => Ok(now),
            true if is(&failure, &[404]) => Err(self.missing(gitea, failure).await),
            true => Err(failure),
        }
    }

    /// The outcome where the caller had named the file's hash: whether that is still so, the server's statuses do not say
    /// for certain, the file does.
    async fn as_named(
        &self,
        gitea: &Gitea,
        sent: Result<Received, Failure>,
        version: &str,
    ) -> Result<Received, Failure> {
        let failure = match sent {
            Err(failure) if failure.kind != Kind::Forbidden && is(&failure, &OTHERWISE) => failure,
            other => return other,
        };
        match self.sha(gitea).await {
            Ok(Some(sha)) if sha.eq_ignore_ascii_case(version) => Err(failure),
            Ok(Some(_)) => {
                let sentence = "if_match: the file has changed since";
                Err(blaming(&failure, Kind::PreconditionFailed, "if_match", sentence))
            }
            Ok(None) => {
                let sentence = "if_match: the file is not there any more";
                let gone = blaming(&failure, Kind::PreconditionFailed, "if_match", sentence);
                Err(self.missing(gitea, gone).await)
            }
            Err(_) => Err(failure),
        }
    }
}
