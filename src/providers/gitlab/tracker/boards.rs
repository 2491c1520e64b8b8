//! The requests that read boards. What is on one is made of its lists' labels and of the issues that carry them.
//!
//! Invariant: a column is the label of a list; the lists of what is open and of what is closed are none.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use crate::catalogue::Page;
use crate::catalogue::projects::{Board, BoardItem, BoardItems, BoardList};
use crate::providers::gitlab::asked::SIZE;
use crate::providers::gitlab::{GitLab, convert, ids, wire};
use crate::providers::http::Row;
use crate::providers::{Reply, Request, forge};

pub async fn list(gitlab: Arc<GitLab>, request: Request<BoardList>) -> Result<Reply<Page<Board>>, Failure> {
    if request.input.of.is_none() {
        let sentence = "of must name a project: GitLab lists the boards of one";
        return Err(Failure::invalid("of", sentence).never_sent());
    }
    let path = ids::project("of", &request.native)?;
    let outgoing = gitlab.get(&["projects", path, "boards"])?;
    let convert = |at: &str, row| convert::board(at, path, row);
    gitlab.list(outgoing, &request, convert).await
}

pub async fn items(gitlab: Arc<GitLab>, request: Request<BoardItems>) -> Result<Reply<Page<BoardItem>>, Failure> {
    let (path, id) = ids::board(&request.native)?;
    let received = gitlab
        .endpoint
        .send(gitlab.get(&["projects", path, "boards", &id])?)
        .await?;
    let board: wire::Board = received.row(false)?.wire;
    let columns = board.columns();
    let asked = request.input.column.as_deref();
    let column = match asked {
        None => None,
        Some(name) => {
            let known = columns.iter().find(|column| column.eq_ignore_ascii_case(name));
            let unknown = || Failure::invalid("column", "column is none of the board's").never_sent();
            Some(known.ok_or_else(unknown)?)
        }
    };
    // What a board is narrowed to holds for each of its lists.
    let labels = board.labels.iter().map(|label| &label.name).chain(column);
    let labels: Vec<_> = labels.map(|name| name.as_str().into()).collect();
    let outgoing = gitlab
        .get(&["projects", path, "issues"])?
        .query("scope", "all")
        .query("state", "opened")
        .query_if("labels", forge::labels_word(&labels)?)
        .query_if("milestone", board.milestone.as_ref().map(|its| its.title.as_str()));
    let item = |at: &Arc<str>, row: Row<wire::Issue>| {
        Some(convert::board_item(at, &request.native, path, &columns, column, row))
    };
    gitlab.endpoint.page(outgoing, SIZE, &request, item).await
}
