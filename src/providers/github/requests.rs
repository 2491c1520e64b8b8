//! The requests that serve each operation.
//!
//! Invariant: an input that GitHub cannot be asked is refused before anything is sent, naming the field.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::{GitHub, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Branch, BranchList, File, FileGet, Repo, RepoGet, RepoList};
use crate::catalogue::projects::{Issue, IssueCreate, IssueGet, IssueList, StateFilter};
use crate::providers::http::{Outgoing, Received};
use crate::providers::{Reply, Request};

/// Raw bytes instead of base64 in JSON: the only form for files above 1 MB.
const RAW: &str = "application/vnd.github.raw+json";

pub async fn repo_get(github: Arc<GitHub>, request: Request<RepoGet>) -> Result<Reply<Repo>, Failure> {
    let (owner, name) = project("repo", &request.native)?;
    let received = github
        .endpoint
        .send(github.endpoint.get(&["repos", owner, name])?)
        .await?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::repo(&request.instance, row)))
}

pub async fn repo_list(github: Arc<GitHub>, request: Request<RepoList>) -> Result<Reply<Page<Repo>>, Failure> {
    let input = &request.input;
    let list = |parts: &[&str]| {
        let outgoing = paged(github.endpoint.get(parts)?, input.limit, input.cursor.as_deref());
        Ok::<_, Failure>(github.endpoint.send(outgoing))
    };
    let received = if input.owner.is_none() {
        list(&["user", "repos"])?.await?
    } else {
        let owner = &*request.native;
        if matches!(owner, "" | "." | "..") || owner.contains('/') {
            return Err(Failure::invalid("owner", "owner must be the name of a user or organisation").never_sent());
        }
        match list(&["orgs", owner, "repos"])?.await {
            // A user has repositories too, at another path; the name does not tell which of both it is.
            Err(failure) if failure.kind == Kind::NotFound => list(&["users", owner, "repos"])?.await?,
            other => other?,
        }
    };
    let rows = received.rows(request.include_raw)?;
    let items = rows.into_iter().map(|row| convert::repo(&request.instance, row));
    Ok(received.reply(Page::new(items.collect(), received.next_query())))
}

pub async fn branch_list(github: Arc<GitHub>, request: Request<BranchList>) -> Result<Reply<Page<Branch>>, Failure> {
    let (owner, name) = project("repo", &request.native)?;
    let outgoing = github.endpoint.get(&["repos", owner, name, "branches"])?;
    let outgoing = paged(outgoing, request.input.limit, request.input.cursor.as_deref());
    let received = github.endpoint.send(outgoing).await?;
    let rows = received.rows(request.include_raw)?;
    let items = rows.into_iter().map(convert::branch).collect();
    Ok(received.reply(Page::new(items, received.next_query())))
}

pub async fn file_get(github: Arc<GitHub>, request: Request<FileGet>) -> Result<Reply<File>, Failure> {
    let (owner, name) = project("repo", &request.native)?;
    let mut parts = vec!["repos", owner, name, "contents"];
    parts.extend(request.input.path.split('/'));
    let ask = || {
        let outgoing = github.endpoint.get(&parts)?;
        Ok::<_, Failure>(outgoing.query_if("ref", request.input.reference.as_deref()))
    };
    let received = github.endpoint.send(ask()?).await?;
    let row = received.row::<wire::Content>(request.include_raw)?;
    let entry = entry(row.wire).map_err(|failure| failure.by(&request.instance))?;
    let content = match entry.encoding.as_deref() {
        Some("none") => raw_content(&github, ask()?, &entry).await?,
        _ => entry
            .content
            .as_deref()
            .and_then(convert::decode)
            .ok_or_else(|| received.failure(Kind::UpstreamFailed, "the file's content is not base64"))?,
    };
    let mut file = convert::file(entry, content);
    file.raw = row.raw;
    Ok(received.reply(file))
}

/// Only a file has a content.
fn entry(content: wire::Content) -> Result<wire::Entry, Failure> {
    let what = match content {
        wire::Content::Directory(_) => "a directory",
        wire::Content::Entry(entry) => match entry.kind.as_str() {
            "file" => return Ok(entry),
            "symlink" => "a symbolic link that leads to no file of the repository",
            "submodule" => "a submodule",
            _ => "no file",
        },
    };
    Err(Failure::invalid("path", format!("path is {what}")))
}

async fn raw_content(github: &GitHub, ask: Outgoing, entry: &wire::Entry) -> Result<Vec<u8>, Failure> {
    let limit = github.max_response as u64;
    if entry.size > limit {
        return Err(Failure::invalid(
            "path",
            format!("the file has {} bytes; at most {limit} are fetched", entry.size),
        ));
    }
    let received = github.endpoint.send(ask.accept(RAW)).await?;
    if received.bytes().len() as u64 != entry.size {
        return Err(received.failure(Kind::UpstreamFailed, "the file changed while it was read"));
    }
    Ok(received.bytes().to_vec())
}

pub async fn issue_list(github: Arc<GitHub>, request: Request<IssueList>) -> Result<Reply<Page<Issue>>, Failure> {
    let (owner, name) = project("project", &request.native)?;
    let input = &request.input;
    if input.labels.iter().any(|label| label.contains(',')) {
        let sentence = "GitHub separates labels by commas and cannot be asked for one that holds a comma";
        return Err(Failure::unsupported_field("labels", sentence).never_sent());
    }
    let state = match input.state {
        StateFilter::Open => "open",
        StateFilter::Closed => "closed",
        StateFilter::All => "all",
    };
    let labels = (!input.labels.is_empty()).then(|| input.labels.join(","));
    let outgoing = github.endpoint.get(&["repos", owner, name, "issues"])?;
    let outgoing = outgoing.query("state", state).query_if("labels", labels);
    let received = github
        .endpoint
        .send(paged(outgoing, input.limit, input.cursor.as_deref()))
        .await?;
    let rows = received.rows::<wire::Issue>(request.include_raw)?;
    let items = rows
        .into_iter()
        // GitHub lists pull requests among the issues. A page that loses all its rows here is still a page.
        .filter(|row| row.wire.pull_request.is_none())
        .map(|row| convert::issue(&request.instance, &request.native, row))
        .collect();
    Ok(received.reply(Page::new(items, received.next_query())))
}

pub async fn issue_get(github: Arc<GitHub>, request: Request<IssueGet>) -> Result<Reply<Issue>, Failure> {
    let (path, number) = numbered(&request.native)?;
    let (owner, name) = project("issue", path)?;
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
    let (owner, name) = project("project", &request.native)?;
    let issue = wire::NewIssue {
        title: &request.input.title,
        body: request.input.body.as_deref(),
        labels: &request.input.labels,
        assignees: &request.input.assignees,
    };
    let outgoing = github.endpoint.post(&["repos", owner, name, "issues"], &issue)?;
    let received: Received = github.endpoint.send(outgoing).await?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::issue(&request.instance, &request.native, row)))
}

/// A cursor is the query of the next page as GitHub wrote it: filters and page size belong to it.
fn paged(outgoing: Outgoing, limit: Option<u32>, cursor: Option<&str>) -> Outgoing {
    match cursor {
        Some(query) => outgoing.continued(query),
        None => outgoing.query_if("per_page", limit),
    }
}

/// `owner/name`.
fn project<'a>(field: &str, path: &'a str) -> Result<(&'a str, &'a str), Failure> {
    let sound = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('/');
    match path.split_once('/') {
        Some((owner, name)) if sound(owner) && sound(name) => Ok((owner, name)),
        _ => Err(Failure::invalid(field, format!("{field} must be written as owner/name")).never_sent()),
    }
}

/// `owner/name#number`.
fn numbered(text: &str) -> Result<(&str, u64), Failure> {
    text.rsplit_once('#')
        .and_then(|(path, number)| Some((path, number.parse().ok()?)))
        .filter(|(_, number)| *number > 0)
        .ok_or_else(|| Failure::invalid("issue", "issue must be written as owner/name#number").never_sent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_and_issues_are_named_exactly() {
        assert_eq!(project("repo", "acme/api").unwrap(), ("acme", "api"));
        for odd in ["acme", "acme/", "/api", "acme/api/x", "../api", "acme/..", ""] {
            assert_eq!(
                project("repo", odd).unwrap_err().field.as_deref(),
                Some("repo"),
                "{odd}"
            );
        }
        assert_eq!(numbered("acme/api#7").unwrap(), ("acme/api", 7));
        for odd in ["acme/api", "acme/api#", "acme/api#0", "acme/api#-1", "acme/api#7x", "#"] {
            assert_eq!(numbered(odd).unwrap_err().field.as_deref(), Some("issue"), "{odd}");
        }
    }
}
