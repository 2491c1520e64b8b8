//! Statuses of commits, and releases.
//!
//! Invariant: a failure that its pipeline allows is a warning, and a word that is not known here is an error.

use super::person;
use crate::catalogue::git::{Release, ReleaseAsset, Status, StatusState};
use crate::catalogue::link::Link;
use crate::providers::gitlab::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

pub fn status(Row { wire, raw }: Row<wire::Status>) -> Status {
    Status {
        context: wire.name,
        state: state(&wire.status, wire.allow_failure),
        raw_state: wire.status,
        description: present(wire.description),
        target_url: present(wire.target_url).map(Link::from),
        creator: wire.author.map(person),
        created_at: wire.created_at.text(),
        updated_at: wire.finished_at.or(wire.started_at).text(),
        raw,
    }
}

fn state(word: &str, allowed: bool) -> StatusState {
    match word {
        "success" => StatusState::Success,
        "running" | "canceling" => StatusState::Running,
        "created"
        | "waiting_for_resource"
        | "waiting_for_callback"
        | "preparing"
        | "pending"
        | "scheduled"
        | "manual" => StatusState::Pending,
        "failed" if allowed => StatusState::Warning,
        "failed" => StatusState::Failure,
        "canceled" => StatusState::Cancelled,
        "skipped" => StatusState::Skipped,
        _ => StatusState::Error,
    }
}

/// GitLab's word for a state; none of one that it does not know.
pub fn state_word(state: StatusState) -> Option<&'static str> {
    Some(match state {
        StatusState::Pending => "pending",
        StatusState::Running => "running",
        StatusState::Success => "success",
        StatusState::Failure => "failed",
        StatusState::Cancelled => "canceled",
        StatusState::Skipped => "skipped",
        StatusState::Warning | StatusState::Error => return None,
    })
}

pub fn release(Row { wire, raw }: Row<wire::Release>) -> Release {
    let links = wire.assets.into_iter().flat_map(|assets| assets.links);
    Release {
        tag: wire.tag_name,
        name: present(wire.name),
        body: present(wire.description),
        // It knows neither.
        draft: None,
        prerelease: None,
        author: wire.author.map(person),
        sha: wire.commit.map(|commit| commit.id),
        assets: links.map(asset).collect(),
        web_url: wire.links.and_then(|links| links.itself).map(Link::from),
        created_at: wire.created_at.text(),
        published_at: wire.released_at.text(),
        raw,
    }
}

fn asset(link: wire::AssetLink) -> ReleaseAsset {
    ReleaseAsset {
        name: link.name,
        size: None,
        web_url: link.direct_asset_url.or(link.url).map(Link::from),
    }
}
