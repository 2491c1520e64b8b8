//! The requests that serve trees.
//!
//! Invariant: GitHub gives a tree as a whole or cut off, never in pages; pages are made of it here, all of the same tree.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use url::form_urlencoded::parse;

use super::lookup::{self, At, named, unread, unsupported};
use super::{GitHub, convert, wire};
use crate::catalogue::git::{TreeEntry, TreeList};
use crate::catalogue::page::Page;
use crate::providers::forge;
use crate::providers::http::pages::Numbered;
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// The most directories above one that is asked for: each costs a request.
const MOST_DEPTH: usize = 32;

/// The pages that are made here. Who names no size is given the whole.
const ENTRIES: Numbered = Numbered {
    page: "page",
    size: "size",
    default: 100,
    most: 100,
};

pub async fn list(github: Arc<GitHub>, request: Request<TreeList>) -> Result<Reply<Page<TreeEntry>>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let input = &request.input;
    let asked = async {
        let root = root(&github, repo, &request).await?;
        tree(&github, repo, &root, request.input.recursive).await
    };
    let received = match asked.await {
        // There is nothing in a repository that is empty (H12).
        Err(failure) if failure.kind == Kind::Conflict => {
            return match input.path {
                Some(_) => Err(unread(&github, repo, failure, "path").await),
                None => Ok(Reply::of(Page::new(vec![], None))),
            };
        }
        Err(failure) if failure.kind == Kind::NotFound && failure.field.is_none() && input.reference.is_some() => {
            return Err(unread(&github, repo, failure, "ref").await);
        }
        other => other?,
    };
    let tree: wire::Tree = received.json()?;
    let rows = received.rows_of::<wire::TreeEntry>(&tree.tree, request.include_raw)?;
    let mut page = cut(&request, &tree.sha, rows)?;
    // More than 100,000 entries, or 7 MB (H7).
    page.incomplete = tree.truncated;
    page.total = page.total.filter(|_| !tree.truncated);
    let entry = |row| match convert::tree_entry(input.path.as_deref(), row) {
        Some(entry) => Some(entry),
        None => {
            received.skip("an entry is nothing that git knows");
            None
        }
    };
    let items = page.items.into_iter().filter_map(entry).collect();
    Ok(received.reply(Page {
        items,
        next_cursor: page.next_cursor,
        has_more: page.has_more,
        total: page.total,
        incomplete: page.incomplete,
        errors: page.errors,
    }))
}

/// The rows of the page that is asked for. Its cursor holds the tree itself, so that the next page is one of the same.
fn cut(
    request: &Request<TreeList>,
    sha: &str,
    mut rows: Vec<Row<wire::TreeEntry>>,
) -> Result<Page<Row<wire::TreeEntry>>, Failure> {
    let total = rows.len() as u64;
    let mut next = None;
    if request.limit().is_some() || request.cursor().is_some() {
        let page = ENTRIES.page(&[("tree", sha)], request.limit(), request.cursor())?;
        let begin = page.number.saturating_sub(1).saturating_mul(page.size).min(total);
        let end = begin.saturating_add(page.size).min(total);
        next = (end < total).then(|| ENTRIES.after(&page));
        rows = rows.drain(begin as usize..end as usize).collect();
    }
    Ok(Page {
        total: Some(total),
        ..Page::new(rows, next)
    })
}

/// The name of the tree that is listed: a branch, a tag or a hash; the one that a cursor remembers.
async fn root(github: &GitHub, repo: At<'_>, request: &Request<TreeList>) -> Result<String, Failure> {
    let input = &request.input;
    if let Some(query) = request.cursor() {
        let strange = || Failure::invalid("cursor", "this cursor does not belong to this list").never_sent();
        ENTRIES.page(&[], None, Some(query))?;
        let mut pairs = parse(query.as_bytes());
        let tree = pairs.find_map(|(name, value)| (name == "tree").then(|| value.into_owned()));
        return tree.filter(|tree| lookup::is_hash(tree)).ok_or_else(strange);
    }
    let depth = input.path.as_ref().map_or(0, |path| path.split('/').count());
    if depth > MOST_DEPTH {
        let sentence = format!("GitHub is asked for each directory of a path; at most {MOST_DEPTH} are");
        return Err(unsupported("path", &sentence));
    }
    let root = match &input.reference {
        Some(reference) => reference.to_string(),
        None => lookup::default_branch(github, repo).await?,
    };
    match input.path.as_deref() {
        Some(path) => descend(github, repo, root, path).await,
        None => Ok(root),
    }
}

/// The hash of the tree at a path, directory by directory.
async fn descend(github: &GitHub, repo: At<'_>, mut tree: String, path: &str) -> Result<String, Failure> {
    for part in path.split('/') {
        let received = self::tree(github, repo, &tree, false).await?;
        let found: wire::Tree = received.json()?;
        let entries = received.rows_of::<wire::TreeEntry>(&found.tree, false)?;
        let entry = entries.into_iter().find(|row| row.wire.path == part);
        let entry = entry.ok_or_else(|| named(received.failure(Kind::NotFound, "path is not there"), "path"))?;
        if entry.wire.kind != "tree" {
            return Err(received.blame(match &*entry.wire.kind {
                "commit" => forge::no_file("submodule").saying("path is a submodule"),
                _ => Failure::invalid("path", "path is a file"),
            }));
        }
        tree = entry.wire.sha;
    }
    Ok(tree)
}

async fn tree(github: &GitHub, repo: At<'_>, tree: &str, recursive: bool) -> Result<Received, Failure> {
    let outgoing = github.endpoint.get(&repo.parts(&["git", "trees", tree]))?;
    // Any value of it means yes.
    github
        .endpoint
        .send(outgoing.query_if("recursive", recursive.then_some("1")))
        .await
}
