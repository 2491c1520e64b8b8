//! The requests that read boards, which are projects of an organisation or a user.
//!
//! Invariant: a board's column is what its field named Status says; a board without one has no columns.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use crate::catalogue::Page;
use crate::catalogue::projects::{Board, BoardItem, BoardItems, BoardList};
use crate::providers::github::convert::board as convert;
use crate::providers::github::lookup::unsupported;
use crate::providers::github::{GitHub, SIZE, wire};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request, forge};

/// The most fields of which a list of items tells.
const MOST_FIELDS: usize = 50;
/// The most fields that a page has; no board has more.
const FIELDS_A_PAGE: u32 = 100;

/// A board, as it stands in a request's path.
pub struct BoardAt<'a> {
    /// `orgs/acme#5`.
    pub native: &'a str,
    /// `orgs` or `users`.
    pub kind: &'a str,
    pub owner: &'a str,
    number: String,
}

impl<'a> BoardAt<'a> {
    /// `orgs/acme#5`, or `users/joe#5`; `field` is where the caller named it.
    pub fn of(field: &str, native: &'a str) -> Result<Self, Failure> {
        let odd = || {
            let sentence = format!("{field} must be an id of the lists of boards, such as orgs/acme#5");
            Failure::invalid(field, sentence).never_sent()
        };
        let (path, number) = forge::numbered(native).map_err(|_| odd())?;
        let (kind, owner) = forge::project(field, path).map_err(|_| odd())?;
        match kind {
            "orgs" | "users" => Ok(BoardAt {
                native,
                kind,
                owner,
                number: number.to_string(),
            }),
            _ => Err(odd()),
        }
    }

    /// The path of what belongs to it.
    pub fn parts(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        self.below(self.kind, self.owner, rest)
    }

    /// The same below another beginning.
    pub fn below(&'a self, kind: &'a str, owner: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
        let mut parts = vec![kind, owner, "projectsV2", &self.number];
        parts.extend(rest);
        parts
    }
}

pub async fn list(github: Arc<GitHub>, request: Request<BoardList>) -> Result<Reply<Page<Board>>, Failure> {
    if request.input.of.is_none() {
        let sentence = "of must name an organisation or a user: GitHub lists the boards of one";
        return Err(Failure::invalid("of", sentence).never_sent());
    }
    let (kind, owner) = match request.native.split_once('/') {
        None => (None, &*request.native),
        Some((kind @ ("orgs" | "users"), owner)) if !owner.contains('/') => (Some(kind), owner),
        Some(_) => {
            return Err(unsupported(
                "of",
                "boards at GitHub are of organisations and users, not of projects",
            ));
        }
    };
    let (kind, received) = match kind {
        Some(kind) => (kind, boards_of(&github, &request, kind, owner).await?),
        // The name does not tell which of both it is.
        None => match boards_of(&github, &request, "orgs", owner).await {
            Err(failure) if failure.kind == Kind::NotFound => {
                ("users", boards_of(&github, &request, "users", owner).await?)
            }
            found => ("orgs", found?),
        },
    };
    let rows = received.rows::<wire::Board>(request.include_raw)?;
    let boards = rows
        .into_iter()
        .map(|row| convert::board(&request.instance, kind, owner, row));
    Ok(received.reply(Page::new(boards.collect(), received.next_query())))
}

async fn boards_of(
    github: &GitHub,
    request: &Request<BoardList>,
    kind: &str,
    owner: &str,
) -> Result<Received, Failure> {
    let outgoing = github.endpoint.get(&[kind, owner, "projectsV2"])?;
    let outgoing = outgoing.part(SIZE, request.limit(), request.cursor());
    github.endpoint.send(outgoing).await
}

/// The fields of a board.
pub async fn fields(github: &GitHub, board: &BoardAt<'_>) -> Result<Vec<wire::BoardField>, Failure> {
    let outgoing = github.endpoint.get(&board.parts(&["fields"]))?;
    let received = github
        .endpoint
        .send(outgoing.query_if(SIZE, Some(FIELDS_A_PAGE)))
        .await?;
    let rows = received.rows::<wire::BoardField>(false)?;
    Ok(rows.into_iter().map(|row| row.wire).collect())
}

/// The field that tells columns, and the option of it that `column` is.
///
/// # Errors
/// `unsupported` or `invalid_input` on `column`.
pub fn column<'a>(fields: &'a [wire::BoardField], column: &str) -> Result<(u64, &'a wire::BoardOption), Failure> {
    let status = fields
        .iter()
        .find(|field| convert::is_status(&field.name, field.data_type.as_deref()));
    let Some(status) = status else {
        return Err(unsupported(
            "column",
            "the board has no field named Status, and so no columns",
        ));
    };
    let mut options = status.options.iter();
    match options.find(|option| option.name.text().eq_ignore_ascii_case(column)) {
        Some(option) => Ok((status.id, option)),
        None => Err(Failure::invalid("column", "column is none of the board's").never_sent()),
    }
}

pub async fn items(github: Arc<GitHub>, request: Request<BoardItems>) -> Result<Reply<Page<BoardItem>>, Failure> {
    let board = BoardAt::of("board", &request.native)?;
    let asked = request.input.column.as_deref();
    let mut outgoing = github.endpoint.get(&board.parts(&["items"]))?;
    if request.cursor().is_none() {
        // Items tell of the fields that are named, and of no other.
        let fields = fields(&github, &board).await?;
        if let Some(name) = asked {
            column(&fields, name)?;
            outgoing = outgoing.query_if("q", (!name.contains('"')).then(|| format!("status:\"{name}\"")));
        }
        let own = fields
            .iter()
            .filter(|field| convert::is_own(field.data_type.as_deref()));
        let own: Vec<String> = own.take(MOST_FIELDS).map(|field| field.id.to_string()).collect();
        outgoing = outgoing.query_if("fields", (!own.is_empty()).then(|| own.join(",")));
    }
    let item = |at: &Arc<str>, row: Row<wire::BoardItem>| {
        let item = convert::item(at, board.native, row);
        let wanted = |name: &str| item.column.as_deref().is_some_and(|its| its.eq_ignore_ascii_case(name));
        asked.is_none_or(wanted).then_some(item)
    };
    github.endpoint.page(outgoing, SIZE, &request, item).await
}
