//! Statuses of commits.
//!
//! Invariant: a commit of which nothing is said has no state, though GitHub calls it `pending` (H29).

use super::person;
use crate::catalogue::git::{CombinedStatus, Status, StatusState};
use crate::catalogue::link::Link;
use crate::providers::github::wire;
use crate::providers::http::Row;

pub fn status(Row { wire, raw }: Row<wire::Status>) -> Status {
    Status {
        context: wire.context.unwrap_or_else(|| "default".to_owned()),
        state: state(&wire.state),
        raw_state: wire.state,
        description: wire.description,
        target_url: wire.target_url.filter(|url| !url.is_empty()).map(Link::from),
        creator: wire.creator.map(person),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw,
    }
}

fn state(word: &str) -> StatusState {
    match word {
        "success" => StatusState::Success,
        "pending" => StatusState::Pending,
        "failure" => StatusState::Failure,
        _ => StatusState::Error,
    }
}

/// `first` is the first of the answers that `statuses` come from.
pub fn combined(statuses: Vec<Status>, Row { wire: first, raw }: Row<wire::CombinedStatus>) -> CombinedStatus {
    let incomplete = first.total_count.is_some_and(|total| total > statuses.len() as u64);
    let state = match incomplete {
        // GitHub has looked at all of them.
        true => Some(state(&first.state)),
        false => CombinedStatus::worst(&statuses),
    };
    CombinedStatus {
        sha: first.sha,
        state,
        statuses,
        incomplete,
        raw,
    }
}
