//! The requests that serve commits, comparisons and trees.
//!
//! Invariant: a list of changes that is not whole says so, and no number of pages of it is read without an end.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::asked::{MOST, SIZE, means, of_reference};
use super::{GitLab, convert, ids, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{
    Commit, CommitGet, CommitList, Compare, Comparison, FileChange, TreeEntry, TreeList, TreeListInput,
};
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

/// The most pages of a commit's changes that are read, of a hundred files each: more is for nobody to read.
const CHANGE_PAGES: usize = 10;

pub async fn list(gitlab: Arc<GitLab>, request: Request<CommitList>) -> Result<Reply<Page<Commit>>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    let outgoing = gitlab
        .get(&["projects", path, "repository", "commits"])?
        .query_if("ref_name", input.reference.as_deref())
        .query_if("path", input.path.as_deref())
        .query_if("since", input.since.as_deref())
        .query_if("until", input.until.as_deref());
    let listed = gitlab
        .list_in_repo(outgoing, &request, |_, row| convert::commit(row))
        .await
        .map_err(of_reference)?;
    // Of a ref that is not there GitLab lists nothing, too.
    let nothing = listed.value.items.is_empty() && listed.skipped == 0 && request.cursor().is_none();
    match input.reference.as_deref().filter(|_| nothing) {
        Some(reference) if gitlab.endpoint.look(gitlab.lacks_ref(path, reference)).await == Some(true) => {
            let mut failure = Failure::new(Kind::NotFound, "ref is not there, or not shown to us");
            failure.field = Some("ref".into());
            Err(failure.by(&request.instance))
        }
        _ => Ok(listed),
    }
}

/// GitLab tells what a commit changes by a request of its own.
pub async fn get(gitlab: Arc<GitLab>, request: Request<CommitGet>) -> Result<Reply<Commit>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let parts = ["projects", path, "repository", "commits", &request.input.commit];
    let received = gitlab.endpoint.send(gitlab.get(&parts)?).await?;
    let row: Row<wire::Commit> = received.row(request.include_raw)?;
    let changes = changes(&gitlab, path, &row.wire.id).await?;
    let mut reply = received.reply(convert::commit(row));
    reply.skipped += changes.skipped;
    reply.value.files_incomplete = (!changes.whole).then_some(true);
    reply.value.files = Some(changes.files);
    Ok(reply)
}

/// What a commit changes.
struct Changes {
    files: Vec<FileChange>,
    whole: bool,
    skipped: u32,
}

async fn changes(gitlab: &GitLab, path: &str, sha: &str) -> Result<Changes, Failure> {
    let mut changes = Changes {
        files: vec![],
        whole: false,
        skipped: 0,
    };
    let mut next: Option<String> = None;
    for _ in 0..CHANGE_PAGES {
        let outgoing = gitlab.get(&["projects", path, "repository", "commits", sha, "diff"])?;
        let received = gitlab
            .endpoint
            .send(outgoing.part(SIZE, Some(MOST), next.as_deref()))
            .await?;
        let rows = received.rows::<wire::Diff>(false)?;
        changes
            .files
            .extend(rows.into_iter().map(|row| convert::change(row.wire)));
        changes.skipped += received.skipped();
        next = received.next_query();
        if next.is_none() {
            changes.whole = true;
            break;
        }
    }
    Ok(changes)
}

pub async fn compare(gitlab: Arc<GitLab>, request: Request<Compare>) -> Result<Reply<Comparison>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    let outgoing = gitlab
        .get(&["projects", path, "repository", "compare"])?
        .query("from", &*input.base)
        .query("to", &*input.head)
        // From their merge base on.
        .query("straight", "false");
    let convert = |_: &Arc<str>, row| convert::comparison(&input.base, &input.head, row);
    match gitlab.endpoint.answer(outgoing, &request, convert).await {
        Err(failure) => {
            let ends = [("base", Some(&*input.base)), ("head", Some(&*input.head))];
            Err(gitlab.unread(path, &ends, failure).await)
        }
        compared => compared,
    }
}

pub async fn tree(gitlab: Arc<GitLab>, request: Request<TreeList>) -> Result<Reply<Page<TreeEntry>>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    let outgoing = gitlab
        .get(&["projects", path, "repository", "tree"])?
        .query_if("ref", input.reference.as_deref())
        .query_if("path", input.path.as_deref())
        .query_if("recursive", input.recursive.then_some("true"))
        // The only way through a large one: the number of a page alone is not heeded.
        .query("pagination", "keyset");
    let listed = match gitlab
        .list_in_repo(outgoing, &request, |_, row| convert::entry(row))
        .await
    {
        Err(failure) => return Err(no_tree(&gitlab, path, input, failure).await),
        listed => listed?,
    };
    // Before 17.7 a directory that is not there is an empty one, which git does not know.
    let nothing = listed.value.items.is_empty() && listed.skipped == 0 && !listed.value.has_more;
    match nothing && input.path.is_some() && request.cursor().is_none() {
        true => {
            let mut failure = Failure::new(Kind::NotFound, "there is no such directory").by(&request.instance);
            failure.field = Some("path".into());
            Err(failure)
        }
        false => Ok(listed),
    }
}

/// What is missing where a tree is: the ref, or the directory. GitLab says of both that there is no tree.
async fn no_tree(gitlab: &GitLab, path: &str, input: &TreeListInput, failure: Failure) -> Failure {
    let failure = gitlab
        .unread(path, &[("ref", input.reference.as_deref())], failure)
        .await;
    let unnamed = failure.kind == Kind::NotFound && failure.field.is_none() && input.path.is_some();
    match unnamed && gitlab.endpoint.look(gitlab.project(path)).await.is_some() {
        true => means(&failure, Kind::NotFound, Some("path"), "there is no such directory"),
        false => failure,
    }
}
