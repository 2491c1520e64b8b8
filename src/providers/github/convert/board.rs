//! Boards, and what stands on them.
//!
//! Invariant: an item's column is told once, and not among its fields.

use std::collections::BTreeMap;

use mosaic_actors::call::Resource;
use serde_json::Value;

use crate::catalogue::link::Link;
use crate::catalogue::projects::{Board, BoardItem, BoardItemKind, IssueState};
use crate::providers::forge;
use crate::providers::github::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

/// The name of the field that tells columns.
const STATUS: &str = "Status";
/// The types of fields that are the board's own; the others show what stands at the issue itself.
const OWN: [&str; 5] = ["single_select", "text", "number", "date", "iteration"];

/// Whether a field tells columns.
pub fn is_status(name: &str, data_type: Option<&str>) -> bool {
    name == STATUS && data_type == Some("single_select")
}

/// Whether a field of this type is the board's own.
pub fn is_own(data_type: Option<&str>) -> bool {
    data_type.is_some_and(|its| OWN.contains(&its))
}

/// `kind` is `orgs` or `users`.
pub fn board(instance: &str, kind: &str, owner: &str, Row { wire, raw }: Row<wire::Board>) -> Board {
    let closed = wire.state.as_deref() == Some("closed") || wire.closed_at.at().is_some();
    Board {
        id: forge::issue_id(instance, &format!("{kind}/{owner}"), wire.number),
        title: wire.title,
        description: present(wire.short_description).or(present(wire.description)),
        columns: None,
        closed,
        web_url: None,
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw,
    }
}

/// `board` is the native id of the one that it is on.
pub fn item(instance: &str, board: &str, Row { wire, raw }: Row<wire::BoardItem>) -> BoardItem {
    let (mut column, mut fields) = (None, BTreeMap::new());
    for field in wire.fields {
        let data_type = field.data_type.as_deref();
        if is_status(&field.name, data_type) {
            column = chosen(&field.value);
        } else if is_own(data_type) && !field.value.is_null() {
            fields.insert(field.name, field.value);
        }
    }
    let kind = match wire.content_type.as_deref() {
        Some("Issue") => BoardItemKind::Issue,
        Some("PullRequest") => BoardItemKind::PullRequest,
        Some("DraftIssue") => BoardItemKind::Draft,
        _ => BoardItemKind::Other,
    };
    let content = wire.content;
    BoardItem {
        id: Resource::neutral_id(instance, format!("{board}/{}", wire.id)),
        kind,
        content: content.as_ref().and_then(|content| content_id(instance, content)),
        state: content.as_ref().and_then(|content| match content.state.as_deref() {
            Some("open") => Some(IssueState::Open),
            Some("closed" | "merged") => Some(IssueState::Closed),
            _ => None,
        }),
        web_url: content
            .as_ref()
            .and_then(|content| content.html_url.clone())
            .map(Link::from),
        title: content.and_then(|content| content.title),
        column,
        fields,
        archived: wire.archived_at.at().is_some(),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw,
    }
}

/// The item's number, of its neutral id.
pub fn own_id(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// The name of what a field was set to.
fn chosen(value: &Value) -> Option<String> {
    let name = &value["name"];
    let name = name["raw"].as_str().or_else(|| name.as_str());
    name.or_else(|| value.as_str()).map(str::to_owned)
}

/// The issue or pull request that is meant, of `https://HOST/…/repos/owner/name/issues/number`.
fn content_id(instance: &str, content: &wire::OnBoard) -> Option<String> {
    let (repo, kind) = content.url.as_deref()?.rsplit_once('/')?.0.rsplit_once('/')?;
    let path = super::path_of_repo(repo).filter(|_| matches!(kind, "issues" | "pulls" | "pull"))?;
    Some(forge::issue_id(instance, &path, content.number?))
}
