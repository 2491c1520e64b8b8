//! Statuses of commits.
//!
//! Invariant: a state that is written by [`word`] is read back as the same.

use super::person;
use crate::catalogue::git::{Status, StatusState};
use crate::catalogue::link::Link;
use crate::providers::gitea::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

pub fn status(Row { wire, raw }: Row<wire::Status>) -> Status {
    let raw_state = present(wire.status).unwrap_or_else(|| "unknown".to_owned());
    Status {
        context: wire.context.unwrap_or_default(),
        state: match &*raw_state {
            "pending" => StatusState::Pending,
            "success" => StatusState::Success,
            "warning" => StatusState::Warning,
            "failure" => StatusState::Failure,
            "skipped" => StatusState::Skipped,
            _ => StatusState::Error,
        },
        raw_state,
        description: present(wire.description),
        target_url: present(wire.target_url).map(Link::from),
        creator: wire.creator.map(person),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw,
    }
}

/// Gitea's word for a state; none where it has none.
pub fn word(state: StatusState) -> Option<&'static str> {
    match state {
        StatusState::Pending => Some("pending"),
        StatusState::Success => Some("success"),
        StatusState::Warning => Some("warning"),
        StatusState::Failure => Some("failure"),
        StatusState::Error => Some("error"),
        StatusState::Skipped => Some("skipped"),
        StatusState::Running | StatusState::Cancelled => None,
    }
}
