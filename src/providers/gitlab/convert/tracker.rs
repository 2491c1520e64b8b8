//! Issues, and what surrounds them.
//!
//! Invariant: an issue is named by the project that was asked, or by the one that it names itself.

use std::collections::BTreeMap;

use mosaic_actors::call::Resource;

use super::person;
use crate::catalogue::link::Link;
use crate::catalogue::projects::{Board, BoardItem, BoardItemKind, InMilestone, Issue, IssueComment, Label, Milestone};
use crate::providers::gitlab::{ids, wire};
use crate::providers::http::Row;
use crate::providers::http::text::present;
use crate::providers::tracker;

pub fn issue(instance: &str, project: &str, Row { wire, raw }: Row<wire::Issue>) -> Issue {
    let home = wire.home();
    Issue {
        id: ids::numbered_id(instance, home.as_deref().unwrap_or(project), wire.iid),
        number: Some(wire.iid),
        title: wire.title,
        body: present(wire.description),
        state: tracker::state(Some(&wire.state)),
        raw_state: wire.moved_to_id.map(|_| "moved".to_owned()),
        labels: wire.labels,
        assignees: wire.assignees.into_iter().map(person).collect(),
        author: wire.author.map(person),
        milestone: wire.milestone.map(|its| InMilestone {
            id: its.id.to_string(),
            title: its.title,
        }),
        due_on: wire.due_date.as_deref().and_then(tracker::day),
        locked: Some(wire.discussion_locked.unwrap_or(false)),
        comments: wire.user_notes_count,
        web_url: wire.web_url.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        closed_at: wire.closed_at.text(),
        dropped: Vec::new(),
        raw,
    }
}

/// `issue` is the native id of the one that it is on.
pub fn issue_comment(instance: &str, issue: &str, Row { wire, raw }: Row<wire::IssueNote>) -> IssueComment {
    IssueComment {
        id: tracker::comment_id(instance, issue, wire.id),
        body: wire.body,
        author: wire.author.map(person),
        internal: wire.internal.or(wire.confidential),
        web_url: None,
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw,
    }
}

pub fn label(Row { wire, raw }: Row<wire::Label>) -> Label {
    Label {
        id: wire.id.map(|id| id.to_string()),
        name: wire.name,
        color: wire.color.as_deref().and_then(tracker::colour),
        description: present(wire.description),
        raw,
    }
}

pub fn milestone(Row { wire, raw }: Row<wire::Milestone>) -> Milestone {
    Milestone {
        id: wire.id.to_string(),
        title: wire.title,
        description: present(wire.description),
        state: tracker::state(wire.state.as_deref()),
        due_on: wire.due_date.as_deref().and_then(tracker::day),
        open_issues: None,
        closed_issues: None,
        web_url: wire.web_url.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        closed_at: None,
        raw,
    }
}

pub fn board(instance: &str, project: &str, Row { wire, raw }: Row<wire::Board>) -> Board {
    let columns = wire.columns();
    Board {
        id: ids::numbered_id(instance, project, wire.id),
        title: wire.name,
        description: None,
        columns: Some(columns),
        closed: false,
        web_url: None,
        created_at: None,
        updated_at: None,
        raw,
    }
}

/// An issue as it stands on a board: in the column that was asked for, or the first whose label it carries.
pub fn board_item(
    instance: &str,
    board: &str,
    project: &str,
    columns: &[String],
    asked: Option<&String>,
    row: Row<wire::Issue>,
) -> BoardItem {
    let issue = issue(instance, project, row);
    let carried = columns.iter().find(|column| issue.labels.contains(column));
    BoardItem {
        id: Resource::neutral_id(instance, format!("{board}/{}", issue.number.unwrap_or_default())),
        kind: BoardItemKind::Issue,
        title: Some(issue.title),
        content: Some(issue.id),
        state: Some(issue.state),
        column: asked.or(carried).cloned(),
        fields: BTreeMap::new(),
        archived: false,
        web_url: issue.web_url,
        created_at: issue.created_at,
        updated_at: issue.updated_at,
        raw: issue.raw,
    }
}
