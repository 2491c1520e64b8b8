//! The requests that serve trees.
//!
//! Invariant: a list of a tree goes on until the server says that nothing was cut off.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::Place;
use super::refusal::is;
use super::{Gitea, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{TreeEntry, TreeList};
use crate::providers::http::pages::Numbered;
use crate::providers::{Reply, Request, forge};

/// Gitea gives at most 1,000 entries a page, and as many where nobody says.
const ENTRIES: Numbered = Numbered {
    page: "page",
    size: "per_page",
    default: 1000,
    most: 1000,
};

/// Where the default branch is meant.
const HEAD: &str = "HEAD";

pub async fn list(gitea: Arc<Gitea>, request: Request<TreeList>) -> Result<Reply<Page<TreeEntry>>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let (owner, name) = place;
    let input = &request.input;
    let below = input.path.as_deref();
    let filters: &[(&str, &str)] = if input.recursive { &[("recursive", "true")] } else { &[] };
    let page = ENTRIES.page(filters, request.limit(), request.cursor())?;
    let reference = input.reference.as_deref();
    let tree = match below {
        Some(path) => directory(&gitea, place, path, reference).await?,
        None => reference.unwrap_or(HEAD).to_owned(),
    };
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "git", "trees", &tree])?;
    let received = match gitea.endpoint.send(outgoing.continued(&page.query)).await {
        Err(failure) if is(&failure, &[400, 404, 409, 422, 500]) => {
            return unknown(&gitea, place, reference, failure).await;
        }
        other => other?,
    };
    let whole: wire::GitTree = received.json()?;
    // Null where it is empty, and then counted.
    if whole.tree.is_none() && whole.total_count.is_none() {
        return Err(received.unusable("the answer is no tree"));
    }
    let rows = received.rows_of(&whole.tree.unwrap_or_default(), request.include_raw)?;
    let items = rows.into_iter().map(|row| convert::entry(below, row)).collect();
    let next = whole.truncated.then(|| ENTRIES.after(&page));
    Ok(received.reply(Page {
        total: whole.total_count,
        ..Page::new(items, next)
    }))
}

/// The hash of a directory's tree, which the list of the directory above tells.
async fn directory(
    gitea: &Gitea,
    (owner, name): Place<'_>,
    path: &str,
    reference: Option<&str>,
) -> Result<String, Failure> {
    let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
    let mut parts = vec!["repos", owner, name, "contents"];
    parts.extend(above.split('/').filter(|part| !part.is_empty()));
    let outgoing = gitea.endpoint.get(&parts)?.query_if("ref", reference);
    let absent = || {
        let mut failure = Failure::new(Kind::NotFound, "path is not there");
        failure.field = Some("path".into());
        failure
    };
    let received = match gitea.endpoint.send(outgoing).await {
        Err(failure) if is(&failure, &[404]) => {
            if let Some(reference) = reference {
                gitea.commit_of((owner, name), reference, "ref", Kind::NotFound).await?;
            }
            return Err(gitea.missing((owner, name), failure, "path", Kind::NotFound).await);
        }
        other => other?,
    };
    if !received.is_list() {
        return Err(received.blame(absent()));
    }
    let entries = received.rows::<wire::PathContent>(false)?;
    let found = entries.into_iter().map(|row| row.wire).find(|entry| entry.name == last);
    match found {
        Some(entry) if entry.kind == "dir" => Ok(entry.sha),
        Some(_) => Err(received.blame(Failure::invalid("path", "path is no directory"))),
        None => Err(received.blame(absent())),
    }
}

/// Gitea answers with 400 where it does not know the ref, also where nothing was ever committed.
async fn unknown(
    gitea: &Gitea,
    place: Place<'_>,
    reference: Option<&str>,
    failure: Failure,
) -> Result<Reply<Page<TreeEntry>>, Failure> {
    match gitea.repo(place).await {
        Ok(repo) if repo.empty == Some(true) => Ok(Reply::of(Page::new(vec![], None))),
        Ok(_) if is(&failure, &[500]) => Err(failure),
        Ok(_) => {
            let field = if reference.is_some() { "ref" } else { "repo" };
            let sentence = format!("{field} leads to no commit");
            Err(super::refusal::blaming(&failure, Kind::NotFound, field, &sentence))
        }
        Err(absent) if absent.kind == Kind::NotFound => Err(absent),
        Err(_) => Err(failure),
    }
}
