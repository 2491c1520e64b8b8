//! The requests that serve each operation.
//!
//! Invariant: an input that GitHub cannot be asked is refused before anything is sent, naming the field.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::{GitHub, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Branch, BranchList, File, FileGet, Repo, RepoGet, RepoList};
use crate::catalogue::projects::{Issue, IssueCreate, IssueGet, IssueList};
use crate::providers::forge;
use crate::providers::http::{Outgoing, Row};
use crate::providers::{Reply, Request};

/// Raw bytes instead of base64 in JSON: the only form for files above 1 MB.
const RAW: &str = "application/vnd.github.raw+json";

/// How GitHub calls the page size.
const SIZE: &str = "per_page";

pub async fn repo_get(github: Arc<GitHub>, request: Request<RepoGet>) -> Result<Reply<Repo>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let parts = ["repos", owner, name];
    github
        .endpoint
        .one(&parts, &request, |at, row| convert::repo(at, row))
        .await
}

pub async fn repo_list(github: Arc<GitHub>, request: Request<RepoList>) -> Result<Reply<Page<Repo>>, Failure> {
    let owner = request.input.owner.as_ref().map(|_| &*request.native);
    let part = |outgoing: Outgoing| outgoing.part(SIZE, request.limit(), request.cursor());
    let received = forge::repos(&github.endpoint, owner, part).await?;
    let rows = received.rows(request.include_raw)?;
    let items = rows.into_iter().map(|row| convert::repo(&request.instance, row));
    Ok(received.reply(Page::new(items.collect(), received.next_query())))
}

pub async fn branch_list(github: Arc<GitHub>, request: Request<BranchList>) -> Result<Reply<Page<Branch>>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let outgoing = github.endpoint.get(&["repos", owner, name, "branches"])?;
    let branch = |_: &Arc<str>, row| Some(convert::branch(row));
    github.endpoint.page(outgoing, SIZE, &request, branch).await
}

pub async fn file_get(github: Arc<GitHub>, request: Request<FileGet>) -> Result<Reply<File>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let mut parts = vec!["repos", owner, name, "contents"];
    parts.extend(request.input.path.split('/'));
    let ask = || {
        let outgoing = github.endpoint.get(&parts)?;
        Ok::<_, Failure>(outgoing.query_if("ref", request.input.reference.as_deref()))
    };
    let received = github.endpoint.send(ask()?).await?;
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
            let ask = ask()?.accept(RAW);
            forge::raw_content(&github.endpoint, ask, entry.size, github.max_response).await?
        }
    };
    Ok(received.reply(forge::file(convert::place(entry), content, row.raw)))
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

pub async fn issue_list(github: Arc<GitHub>, request: Request<IssueList>) -> Result<Reply<Page<Issue>>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    let labels = forge::labels_word(&input.labels)?;
    let outgoing = github.endpoint.get(&["repos", owner, name, "issues"])?;
    let outgoing = outgoing
        .query("state", forge::state_word(input.state))
        .query_if("labels", labels);
    // GitHub lists pull requests among the issues. A page that loses all its rows here is still a page.
    let issue = |at: &Arc<str>, row: Row<wire::Issue>| {
        (row.wire.pull_request.is_none()).then(|| convert::issue(at, &request.native, row))
    };
    github.endpoint.page(outgoing, SIZE, &request, issue).await
}

pub async fn issue_get(github: Arc<GitHub>, request: Request<IssueGet>) -> Result<Reply<Issue>, Failure> {
    let (path, number) = forge::numbered(&request.native)?;
    let (owner, name) = forge::project("issue", path)?;
    let outgoing = github
        .endpoint
        .get(&["repos", owner, name, "issues", &number.to_string()])?;
    let received = github.endpoint.send(outgoing).await?;
    let row = received.row::<wire::Issue>(request.include_raw)?;
    if row.wire.pull_request.is_some() {
        return Err(received.failure(Kind::NotFound, "this is a pull request, not an issue"));
    }
    Ok(received.reply(convert::issue(&request.instance, path, row)))
}

pub async fn issue_create(github: Arc<GitHub>, request: Request<IssueCreate>) -> Result<Reply<Issue>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let issue = wire::NewIssue {
        title: &request.input.title,
        body: request.input.body.as_deref(),
        labels: &request.input.labels,
        assignees: &request.input.assignees,
    };
    let outgoing = github.endpoint.post(&["repos", owner, name, "issues"], &issue)?;
    let convert = |at: &Arc<str>, row| convert::issue(at, &request.native, row);
    github.endpoint.answer(outgoing, &request, convert).await
}
