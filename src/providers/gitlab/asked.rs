//! How GitLab is asked: one encoder for every name, one form of lists.
//!
//! Invariant: a name goes as one part of the path, with everything in it written out that GitLab reads as more than a name.

use http::Method;
use mosaic_actors::error::{Failure, Kind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{GitLab, ids, wire};
use crate::catalogue::Page;
use crate::catalogue::op::{Op, Paged};
use crate::providers::http::{Outgoing, Received, Row};
use crate::providers::{Reply, Request};

/// How GitLab calls the page size.
pub const SIZE: &str = "per_page";
/// The most rows that it gives in one page.
pub const MOST: u32 = 100;
/// Why nothing can begin at a commit.
const EMPTY: &str = "the repository is empty: write its first file";

impl GitLab {
    /// A `GET` of the path made of `parts`.
    pub fn get(&self, parts: &[&str]) -> Result<Outgoing, Failure> {
        self.bare(Method::GET, parts)
    }

    /// A request without a body.
    pub fn bare(&self, method: Method, parts: &[&str]) -> Result<Outgoing, Failure> {
        Ok(self.endpoint.written_out(self.endpoint.bare(method, parts)?))
    }

    /// A request with a JSON body: in a query long texts break, and every log has them.
    pub fn with(&self, method: Method, parts: &[&str], body: &impl Serialize) -> Result<Outgoing, Failure> {
        Ok(self.endpoint.written_out(self.endpoint.with_json(method, parts, body)?))
    }

    /// What is said of a project.
    pub async fn project(&self, path: &str) -> Result<wire::Project, Failure> {
        let received = self.endpoint.send(self.get(&["projects", path])?).await?;
        Ok(received.row::<wire::Project>(false)?.wire)
    }

    /// The default branch, before a file is written to it. An empty project has none yet: its newer releases tell which it
    /// will be, and what the older ones will make of it is not known.
    pub async fn default_branch(&self, path: &str) -> Result<String, Failure> {
        let project = self.project(path).await.map_err(Failure::never_sent)?;
        let empty = project.empty_repo == Some(true);
        default_of(project).ok_or_else(|| match empty {
            true => {
                let sentence =
                    "the repository is empty and does not tell what its default branch will be: name the branch";
                unnamed("branch", sentence)
            }
            false => unnamed("branch", "the default branch is not told to us: name the branch"),
        })
    }

    /// The default branch, for something to begin at; nothing does in an empty project. `field`: what names another commit.
    pub async fn beginning(&self, path: &str, field: &str) -> Result<String, Failure> {
        let project = self.project(path).await.map_err(Failure::never_sent)?;
        if project.empty_repo == Some(true) {
            return Err(Failure::new(Kind::Conflict, EMPTY).never_sent());
        }
        let sentence = format!("the default branch is not told to us: name {field}");
        default_of(project).ok_or_else(|| unnamed(field, &sentence))
    }

    /// One page of a list, with the number of rows of all pages; beyond ten thousand GitLab does not tell it.
    pub async fn list<O, T, W>(
        &self,
        outgoing: Outgoing,
        request: &Request<O>,
        convert: impl Fn(&str, Row<W>) -> T,
    ) -> Result<Reply<Page<T>>, Failure>
    where
        O: Op<Output = Page<T>>,
        O::Input: Paged,
        W: DeserializeOwned,
    {
        let part = outgoing.part(SIZE, request.limit(), request.cursor());
        let received = self.endpoint.send(part).await?;
        let rows = received.rows(request.include_raw)?;
        let items = rows.into_iter().map(|row| convert(&request.instance, row)).collect();
        Ok(received.reply(Page {
            total: total(&received),
            ..Page::new(items, received.next_query())
        }))
    }

    /// As [`GitLab::list`], of what an empty repository has none of: GitLab does not find it there.
    pub async fn list_in_repo<O, T, W>(
        &self,
        outgoing: Outgoing,
        request: &Request<O>,
        convert: impl Fn(&str, Row<W>) -> T,
    ) -> Result<Reply<Page<T>>, Failure>
    where
        O: Op<Output = Page<T>>,
        O::Input: Paged,
        W: DeserializeOwned,
    {
        let listed = self.list(outgoing, request, convert).await;
        let missing = |failure: &Failure| failure.kind == Kind::NotFound && request.cursor().is_none();
        if !listed.as_ref().is_err_and(missing) {
            return listed;
        }
        match self.project(ids::project("repo", &request.native)?).await {
            Ok(project) if project.empty_repo == Some(true) => Ok(Reply::of(Page::new(vec![], None))),
            // Whatever else is wrong with the project, what was asked for was not found.
            _ => listed,
        }
    }
}

impl GitLab {
    /// The failure of a read of something that is not there, with the field of the commit that is not, where it is that:
    /// GitLab does not tell what it looked for. `named`: the fields, and what stands in them.
    pub async fn unread(&self, path: &str, named: &[(&str, Option<&str>)], failure: Failure) -> Failure {
        if failure.kind != Kind::NotFound || failure.field.is_some() {
            return failure;
        }
        for (field, name) in named {
            let Some(name) = name else { continue };
            let absent = self.lacks_commit(path, name);
            if self.endpoint.look(absent).await == Some(true) {
                let sentence = format!("{field} is not there, or not shown to us");
                return means(&failure, Kind::NotFound, Some(field), &sentence);
            }
        }
        failure
    }

    /// Whether a project that is there has no commit that this stands for.
    pub async fn lacks_commit(&self, path: &str, name: &str) -> Result<bool, Failure> {
        let outgoing = self.get(&["projects", path, "repository", "commits", name])?;
        match self.endpoint.send(outgoing).await {
            Err(failure) if failure.field.as_deref() == Some("commit") => Ok(true),
            other => other.map(|_| false),
        }
    }

    /// As [`GitLab::lacks_commit`], of a project that is not empty: in an empty one nothing is missed.
    pub async fn lacks_ref(&self, path: &str, name: &str) -> Result<bool, Failure> {
        Ok(self.lacks_commit(path, name).await? && self.project(path).await?.empty_repo != Some(true))
    }

    /// The failure of a write that begins at a commit: an empty project has none, and is said to be that.
    pub async fn unwritten(&self, path: &str, failure: Failure) -> Failure {
        if failure.kind != Kind::NotFound || failure.field.is_none() {
            return failure;
        }
        let project = self.endpoint.look(self.project(path)).await;
        match project.is_some_and(|project| project.empty_repo == Some(true)) {
            true => means(&failure, Kind::Conflict, None, EMPTY),
            false => failure,
        }
    }
}

/// The default branch, where one is told.
fn default_of(project: wire::Project) -> Option<String> {
    project.default_branch.filter(|branch| !branch.is_empty())
}

/// Nobody has named what has no default that is known.
fn unnamed(field: &str, sentence: &str) -> Failure {
    let mut failure = Failure::new(Kind::Conflict, sentence).never_sent();
    failure.field = Some(field.into());
    failure
}

/// The number of rows that all pages have.
fn total(received: &Received) -> Option<u64> {
    received.header("x-total")?.parse().ok()
}

/// The failure of a commit that is not there, where the caller has named that as `ref`.
pub fn of_reference(mut failure: Failure) -> Failure {
    if failure.kind == Kind::NotFound && failure.field.as_deref() == Some("commit") {
        failure = failure.saying("ref is not there, or not shown to us");
        failure.field = Some("ref".into());
    }
    failure
}

/// The same failure, by what its status means to this request alone.
pub fn means(failure: &Failure, kind: Kind, field: Option<&str>, sentence: &str) -> Failure {
    let mut meant = Failure::new(kind, sentence).never_billed();
    meant.provider.clone_from(&failure.provider);
    meant.field = field.map(Into::into);
    meant
}
