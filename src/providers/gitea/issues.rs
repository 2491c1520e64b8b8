//! The requests that serve issues, as far as they are served.
//!
//! Invariant: nothing is written before every label of it is known.

use std::collections::HashMap;
use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::{Gitea, convert, pages, wire};
use crate::catalogue::Page;
use crate::catalogue::fields::Name;
use crate::catalogue::projects::{Issue, IssueCreate, IssueGet, IssueList};
use crate::providers::forge;
use crate::providers::http::Endpoint;
use crate::providers::{Reply, Request};

/// The most rows that a server gives in one page, unless it is configured otherwise.
const LABELS_A_PAGE: u32 = 50;
/// The most pages of labels that are read to find a name in.
const LABEL_PAGES: u32 = 40;

pub async fn issue_list(gitea: Arc<Gitea>, request: Request<IssueList>) -> Result<Reply<Page<Issue>>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    let labels = forge::labels_word(&input.labels)?;
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "issues"])?;
    let outgoing = outgoing
        // Without it pull requests are listed too.
        .query("type", "issues")
        .query("state", forge::state_word(input.state))
        .query_if("labels", labels)
        .query_if("assigned_by", input.assignee.as_deref())
        .query_if(
            "milestones",
            forge::milestone(input.milestone.as_ref())?.map(|id| id.to_string()),
        )
        .query_if("since", input.updated_since.as_deref());
    let part = outgoing.part(pages::SIZE, request.limit(), request.cursor());
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
    let mut page = pages::page(&received, items.collect());
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
        milestone: forge::milestone(input.milestone.as_ref())?,
        due_date: input.due_on.as_deref().map(|day| format!("{day}T00:00:00Z")),
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
        if labels.is_empty() || pages::total(&received).is_some_and(|total| seen >= total) {
            return Ok(());
        }
    }
    let most = LABEL_PAGES * LABELS_A_PAGE;
    let sentence = format!("a label is not among the first {most} that the provider lists");
    Err(Failure::unsupported_field("labels", sentence))
}
