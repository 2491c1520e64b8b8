//! Boards, and what stands on them.
//!
//! Invariant: an item's id begins with its board's, and what it stands for is named by an id of its own.

use std::collections::BTreeMap;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use super::issue::IssueState;
use super::topics::{BOARD_ITEMS, BOARDS, ISSUE_CHANGES};
use crate::catalogue::fields::{BoardItemRef, BoardRef, BoardsOf, Cursor, IssueRef, Markdown, Name, PageSize};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A board.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Board {
    /// The neutral id, e.g. `forge-a~orgs/acme#5`.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its columns, where the list tells them.
    pub columns: Option<Vec<String>>,
    /// Nobody uses it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Board {}

/// What stands on a board.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoardItem {
    /// The neutral id.
    pub id: String,
    /// What it stands for.
    pub kind: BoardItemKind,
    /// The headline; absent where the credential may not see what it stands for.
    #[schemars(extend("x-column" = true))]
    pub title: Option<String>,
    /// The neutral id of the issue or pull request that it stands for.
    pub content: Option<String>,
    /// Whether that is open, where the board tells.
    #[schemars(extend("x-column" = true))]
    pub state: Option<IssueState>,
    /// The column that it is in.
    #[schemars(extend("x-column" = true))]
    pub column: Option<String>,
    /// What else the board says of it: names of its fields, and their values as the provider writes them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// Put away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for BoardItem {}

/// What an item stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BoardItemKind {
    /// An issue.
    Issue,
    /// A pull request.
    PullRequest,
    /// Words that are on the board alone.
    Draft,
    /// Something else, or what the credential may not see.
    Other,
}

/// Input of `projects.board.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoardListInput {
    pub of: Option<BoardsOf>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `projects.board.list`
pub struct BoardList;

impl Op for BoardList {
    type Input = BoardListInput;
    type Output = Page<Board>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("projects.board.list", "/projects/boards", "List boards")
            .args(&["of"])
            .carries(&[BOARDS]);
    fn resource(input: &BoardListInput) -> Resource {
        input.of.as_ref().map_or_else(Resource::none, BoardsOf::resource)
    }
}

paged!(BoardListInput);

/// Input of `projects.board.items`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoardItemsInput {
    pub board: BoardRef,
    /// Only what is in this column.
    pub column: Option<Name>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `projects.board.items`
pub struct BoardItems;

impl Op for BoardItems {
    type Input = BoardItemsInput;
    type Output = Page<BoardItem>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "projects.board.items",
        "/projects/boards/{board}/items",
        "List what is on a board",
    )
    .carries(&[BOARD_ITEMS])
    .absent(&[BOARDS])
    .cached(10, 300, 5);
    fn resource(input: &BoardItemsInput) -> Resource {
        input.board.resource()
    }
}

paged!(BoardItemsInput);

/// Input of `projects.board.add_item`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoardAddItemInput {
    pub board: BoardRef,
    /// The issue that it shall stand for.
    pub issue: Option<IssueRef>,
    /// The headline, where it shall stand for nothing else.
    pub title: Option<Name>,
    /// The text behind a `title`.
    pub body: Option<Markdown>,
    /// The column that it shall be in; default: the board's own.
    pub column: Option<Name>,
}

/// `projects.board.add_item`
pub struct BoardAddItem;

impl Op for BoardAddItem {
    type Input = BoardAddItemInput;
    type Output = BoardItem;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "projects.board.add_item",
        "/projects/boards/{board}/items",
        "Put something on a board",
    )
    .invalidates(ISSUE_CHANGES);
    fn resource(input: &BoardAddItemInput) -> Resource {
        input.board.resource()
    }
    fn check(input: &BoardAddItemInput) -> Result<(), Failure> {
        match (&input.issue, &input.title, &input.body) {
            (None, None, _) => Err(Failure::invalid("issue", "give an issue, or a title")),
            (Some(_), Some(_), _) => Err(Failure::invalid("title", "an issue has its title already")),
            (Some(_), None, Some(_)) => Err(Failure::invalid("body", "an issue has its body already")),
            _ => Ok(()),
        }
    }
}

/// Input of `projects.board.update_item`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoardUpdateItemInput {
    pub item: BoardItemRef,
    /// The column that it shall be in.
    pub column: Option<Name>,
    /// Names of other fields of the board, and their new values; null takes one away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
}

/// `projects.board.update_item`
pub struct BoardUpdateItem;

impl Op for BoardUpdateItem {
    type Input = BoardUpdateItemInput;
    type Output = BoardItem;
    const DECLARATION: &'static Declaration = &Declaration::patch::<Self>(
        "projects.board.update_item",
        "/projects/board-items/{item}",
        "Change what a board says of an item",
    )
    .args(&["column"])
    .invalidates(ISSUE_CHANGES);
    fn resource(input: &BoardUpdateItemInput) -> Resource {
        input.item.resource()
    }
    fn check(input: &BoardUpdateItemInput) -> Result<(), Failure> {
        if input.column.is_none() && input.fields.is_empty() {
            return Err(Failure::invalid("column", "give a column, fields, or both"));
        }
        super::issue::few("fields", input.fields.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_stands_for_an_issue_or_for_words_of_its_own() {
        let field = |issue: Option<&str>, title: Option<&str>, body: Option<&str>| {
            let input = BoardAddItemInput {
                board: "orgs/acme#5".into(),
                issue: issue.map(Into::into),
                title: title.map(Into::into),
                body: body.map(Into::into),
                column: None,
            };
            BoardAddItem::check(&input).err().and_then(|failure| failure.field)
        };
        assert_eq!(field(Some("a/b#1"), None, None), None);
        assert_eq!(field(None, Some("t"), Some("b")), None);
        assert_eq!(field(None, None, Some("b")).as_deref(), Some("issue"));
        assert_eq!(field(Some("a/b#1"), Some("t"), None).as_deref(), Some("title"));
        assert_eq!(field(Some("a/b#1"), None, Some("b")).as_deref(), Some("body"));
    }
}
