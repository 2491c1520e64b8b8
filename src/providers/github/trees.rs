//! The requests that serve trees.
//!
//! Invariant: GitHub gives a tree as a whole or cut off, never in pages; pages are made of it here, all of the same tree.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use url::form_urlencoded::parse;

use super::lookup::{self, At, named, unsupported};
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

/// Which tree is listed, and how.
struct Wanted {
    /// A branch, a tag, a commit or a tree.
    tree: String,
    below: Option<String>,
    recursive: bool,
}

pub async fn list(github: Arc<GitHub>, request: Request<TreeList>) -> Result<Reply<Page<TreeEntry>>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let wanted = match wanted(&github, repo, &request).await {
        // There is nothing in a repository that is empty (H12).
        Err(failure) if failure.kind == Kind::Conflict => return Ok(Reply::of(Page::new(vec![], None))),
        other => other?,
    };
    let received = match tree(&github, repo, &wanted.tree, wanted.recursive).await {
        Err(failure) if failure.kind == Kind::Conflict => return Ok(Reply::of(Page::new(vec![], None))),
        Err(failure) if failure.kind == Kind::NotFound && request.input.reference.is_some() => {
            return Err(named(failure, "ref"));
        }
        other => other?,
    };
    let tree: wire::Tree = received.json()?;
    let rows = received.rows_of::<wire::TreeEntry>(&tree.tree, request.include_raw)?;
    let mut page = cut(&request, &wanted, &tree.sha, rows)?;
    // More than 100,000 entries, or 7 MB (H7).
    page.incomplete = tree.truncated;
    page.total = page.total.filter(|_| !tree.truncated);
    let entry = |row| match convert::tree_entry(wanted.below.as_deref(), row) {
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
    wanted: &Wanted,
    sha: &str,
    mut rows: Vec<Row<wire::TreeEntry>>,
) -> Result<Page<Row<wire::TreeEntry>>, Failure> {
    let total = rows.len() as u64;
    let mut next = None;
    if request.limit().is_some() || request.cursor().is_some() {
        let filters = [
            ("tree", sha),
            ("below", wanted.below.as_deref().unwrap_or_default()),
            ("recursive", if wanted.recursive { "1" } else { "" }),
        ];
        let page = ENTRIES.page(&filters, request.limit(), request.cursor())?;
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

/// What the input means, or what the cursor remembers of the first page's.
async fn wanted(github: &GitHub, repo: At<'_>, request: &Request<TreeList>) -> Result<Wanted, Failure> {
    let input = &request.input;
    if let Some(query) = request.cursor() {
        let pair = |wanted: &str| {
            let mut pairs = parse(query.as_bytes());
            pairs.find_map(|(name, value)| (name == wanted && !value.is_empty()).then(|| value.into_owned()))
        };
        let strange = || Failure::invalid("cursor", "this cursor does not belong to this list").never_sent();
        ENTRIES.page(&[], None, Some(query))?;
        return Ok(Wanted {
            tree: pair("tree").filter(|tree| lookup::is_hash(tree)).ok_or_else(strange)?,
            below: pair("below"),
            recursive: pair("recursive").is_some(),
        });
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
    let below = input.path.as_deref().map(str::to_owned);
    Ok(Wanted {
        tree: match &below {
            Some(path) => descend(github, repo, root, path, input.reference.is_some()).await?,
            None => root,
        },
        below,
        recursive: input.recursive,
    })
}

/// The hash of the tree at a path, directory by directory.
async fn descend(
    github: &GitHub,
    repo: At<'_>,
    mut tree: String,
    path: &str,
    has_reference: bool,
) -> Result<String, Failure> {
    for (depth, part) in path.split('/').enumerate() {
        let received = self::tree(github, repo, &tree, false)
            .await
            .map_err(|failure| match failure.kind {
                Kind::NotFound if depth == 0 && has_reference => named(failure, "ref"),
                _ => failure,
            })?;
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
