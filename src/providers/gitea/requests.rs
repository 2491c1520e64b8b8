//! The requests that serve each operation.
//!
//! Invariant: an input that Gitea cannot be asked is refused before anything is written, naming the field.

use std::collections::HashMap;
use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::{Gitea, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::fields::Name;
use crate::catalogue::git::{Branch, BranchList, File, FileGet, Repo, RepoGet, RepoList};
use crate::catalogue::projects::{Issue, IssueCreate, IssueGet, IssueList};
use crate::providers::forge;
use crate::providers::http::{Endpoint, Outgoing, Received};
use crate::providers::{Reply, Request};

/// The most rows that a server gives in one page, unless it is configured otherwise.
const LABELS_A_PAGE: u32 = 50;
/// The most pages of labels that are read to find a name in.
const LABEL_PAGES: u32 = 40;

/// The most symbolic links that are followed on the way to a file.
const MOST_LINKS: usize = 5;

/// How Gitea calls the page size.
const SIZE: &str = "limit";

pub async fn repo_get(gitea: Arc<Gitea>, request: Request<RepoGet>) -> Result<Reply<Repo>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let parts = ["repos", owner, name];
    gitea
        .endpoint
        .one(&parts, &request, |at, row| convert::repo(at, row))
        .await
}

pub async fn repo_list(gitea: Arc<Gitea>, request: Request<RepoList>) -> Result<Reply<Page<Repo>>, Failure> {
    let owner = request.input.owner.as_ref().map(|_| &*request.native);
    let part = |outgoing: Outgoing| outgoing.part(SIZE, request.limit(), request.cursor());
    let received = forge::repos(&gitea.endpoint, owner, part).await?;
    let rows = received.rows(request.include_raw)?;
    let items = rows.into_iter().map(|row| convert::repo(&request.instance, row));
    Ok(received.reply(page(&received, items.collect())))
}

pub async fn branch_list(gitea: Arc<Gitea>, request: Request<BranchList>) -> Result<Reply<Page<Branch>>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "branches"])?;
    let part = outgoing.part(SIZE, request.limit(), request.cursor());
    let received = gitea.endpoint.send(part).await?;
    let rows = received.rows(request.include_raw)?;
    let items = rows.into_iter().map(convert::branch).collect();
    Ok(received.reply(page(&received, items)))
}

pub async fn file_get(gitea: Arc<Gitea>, request: Request<FileGet>) -> Result<Reply<File>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let ask = |kind, path: &str| {
        let mut parts = vec!["repos", owner, name, kind];
        parts.extend(path.split('/'));
        let outgoing = gitea.endpoint.get(&parts)?;
        Ok::<_, Failure>(outgoing.query_if("ref", request.input.reference.as_deref()))
    };
    let mut path = request.input.path.to_string();
    let mut received = gitea.endpoint.send(ask("contents", &path)?).await?;
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

/// Only a file has a content.
fn entry(content: wire::Content) -> Result<wire::PathContent, Failure> {
    match content {
        wire::Content::Directory(entries) if entries.is_empty() => Err(forge::no_entry()),
        wire::Content::Directory(_) => Err(forge::no_file("dir")),
        wire::Content::Entry(entry) if entry.kind == "file" => Ok(entry),
        wire::Content::Entry(entry) => Err(forge::no_file(&entry.kind)),
    }
}

pub async fn issue_list(gitea: Arc<Gitea>, request: Request<IssueList>) -> Result<Reply<Page<Issue>>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    let labels = forge::labels_word(&input.labels)?;
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "issues"])?;
    let outgoing = outgoing
        // Without it pull requests are listed too.
        .query("type", "issues")
        .query("state", forge::state_word(input.state))
        .query_if("labels", labels);
    let part = outgoing.part(SIZE, request.limit(), request.cursor());
    let received = gitea.endpoint.send(part).await?;
    let rows = received.rows::<wire::Issue>(request.include_raw)?;
    let items = rows
        .into_iter()
        .map(|row| convert::issue(&request.instance, &request.native, row))
        // Gitea lists what carries any of the labels, and leaves out of the question a label that does not exist.
        .filter(|issue| {
            input
                .labels
                .iter()
                .all(|label| issue.labels.iter().any(|its| **its == **label))
        });
    let mut page = page(&received, items.collect());
    if !input.labels.is_empty() {
        // Its total counts what was filtered out here, too.
        page.total = None;
    }
    Ok(received.reply(page))
}

pub async fn issue_get(gitea: Arc<Gitea>, request: Request<IssueGet>) -> Result<Reply<Issue>, Failure> {
    let (path, number) = forge::numbered(&request.native)?;
    let (owner, name) = forge::project("issue", path)?;
    let number = number.to_string();
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "issues", &number])?;
    let received = gitea.endpoint.send(outgoing).await?;
    let row = received.row::<wire::Issue>(request.include_raw)?;
    if row.wire.pull_request.is_some() {
        return Err(received.failure(Kind::NotFound, "this is a pull request, not an issue"));
    }
    Ok(received.reply(convert::issue(&request.instance, path, row)))
}

pub async fn issue_create(gitea: Arc<Gitea>, request: Request<IssueCreate>) -> Result<Reply<Issue>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    // Whatever fails here, the issue was not sent, and the whole may be repeated.
    let labels = label_ids(&gitea.endpoint, owner, name, &input.labels)
        .await
        .map_err(|failure| failure.by(&request.instance).never_sent())?;
    let issue = wire::NewIssue {
        title: &input.title,
        body: input.body.as_deref(),
        labels,
        assignees: &input.assignees,
    };
    let outgoing = gitea.endpoint.post(&["repos", owner, name, "issues"], &issue)?;
    let convert = |at: &Arc<str>, row| convert::issue(at, &request.native, row);
    gitea.endpoint.answer(outgoing, &request, convert).await
}

/// The ids of labels: a new issue takes no names. They are the repository's own, or its organisation's.
async fn label_ids(endpoint: &Endpoint, owner: &str, name: &str, names: &[Name]) -> Result<Vec<i64>, Failure> {
    let mut found: HashMap<&str, i64> = HashMap::new();
    find_labels(endpoint, &["repos", owner, name, "labels"], names, &mut found).await?;
    match find_labels(endpoint, &["orgs", owner, "labels"], names, &mut found).await {
        // The owner is a user, or the token is not let into its organisation: then there are no more.
        Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::Forbidden) => {}
        other => other?,
    }
    let id = |(at, name): (usize, &Name)| {
        let unknown = || {
            let sentence = format!("label {} of {} is not known to the provider", at + 1, names.len());
            Failure::invalid("labels", sentence)
        };
        found.get(&**name).copied().ok_or_else(unknown)
    };
    names.iter().enumerate().map(id).collect()
}

/// Looks for the names that are not found yet, page by page, until all are.
async fn find_labels<'n>(
    endpoint: &Endpoint,
    parts: &[&str],
    names: &'n [Name],
    found: &mut HashMap<&'n str, i64>,
) -> Result<(), Failure> {
    let mut seen = 0;
    for number in 1..=LABEL_PAGES {
        if names.iter().all(|name| found.contains_key(&**name)) {
            return Ok(());
        }
        let outgoing = endpoint.get(parts)?.query("page", number.to_string());
        let received = endpoint
            .send(outgoing.query("limit", LABELS_A_PAGE.to_string()))
            .await?;
        let labels = received.rows::<wire::Label>(false)?;
        for label in labels.iter().map(|row| &row.wire) {
            if let Some(name) = names.iter().find(|name| &***name == label.name.as_str()) {
                found.entry(name).or_insert(label.id);
            }
        }
        seen += labels.len() as u64 + u64::from(received.skipped());
        // Not every release links to the next page of labels, but all count them.
        if labels.is_empty() || total(&received).is_some_and(|total| seen >= total) {
            return Ok(());
        }
    }
    let most = LABEL_PAGES * LABELS_A_PAGE;
    let sentence = format!("a label is not among the first {most} that the provider lists");
    Err(Failure::unsupported_field("labels", sentence))
}

/// A page, with the number of rows that all pages have.
fn page<T>(received: &Received, items: Vec<T>) -> Page<T> {
    Page {
        total: total(received),
        ..Page::new(items, received.next_query())
    }
}

fn total(received: &Received) -> Option<u64> {
    received.header("x-total-count")?.parse().ok()
}
