//! Which labels are meant by their names.
//!
//! Invariant: only reads are sent here, and at most so many of them.

use std::collections::HashMap;

use mosaic_actors::error::{Failure, Kind};

use crate::catalogue::fields::Name;
use crate::providers::gitea::{pages, wire};
use crate::providers::http::Endpoint;

/// The most rows that a server gives in one page, unless it is configured otherwise.
const LABELS_A_PAGE: u32 = 50;
/// The most pages of labels that are read to find a name in.
const LABEL_PAGES: u32 = 40;

/// The ids of labels: Gitea takes no names. They are the repository's own, or its organisation's.
pub async fn label_ids(endpoint: &Endpoint, owner: &str, name: &str, names: &[Name]) -> Result<Vec<i64>, Failure> {
    let found = found(endpoint, owner, name, names).await?;
    let id = |name: &Name| {
        let unknown = || {
            let sentence = format!("labels: there is no label {:?} there", &**name);
            Failure::invalid("labels", sentence)
        };
        found.get(&**name).copied().ok_or_else(unknown)
    };
    names.iter().map(id).collect()
}

/// Those of the names that there are, with their ids.
pub async fn found<'n>(
    endpoint: &Endpoint,
    owner: &str,
    name: &str,
    names: &'n [Name],
) -> Result<HashMap<&'n str, i64>, Failure> {
    let mut found = HashMap::new();
    find_labels(endpoint, &["repos", owner, name, "labels"], names, &mut found).await?;
    match find_labels(endpoint, &["orgs", owner, "labels"], names, &mut found).await {
        // The owner is a user, or the token is not let into its organisation: then there are no more.
        Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::Forbidden) => Ok(found),
        other => other.map(|()| found),
    }
}

/// Looks for the names that are not found yet, page by page, until all are.
pub async fn find_labels<'n>(
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
