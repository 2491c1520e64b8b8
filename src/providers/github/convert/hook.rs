//! Hooks.
//!
//! Invariant: what a hook is asked to tell of is what it then says that it tells of.

use crate::catalogue::git::{Hook, HookEvent};
use crate::providers::forge;
use crate::providers::github::wire;
use crate::providers::http::Row;

/// GitHub's words for each of ours. The first stand for it where one is made, the others are read as well.
const EVENTS: &[(HookEvent, &[&str], &[&str])] = &[
    (HookEvent::Push, &["push"], &[]),
    (HookEvent::Tag, &["create", "delete"], &[]),
    (HookEvent::Pull, &["pull_request"], &[]),
    (HookEvent::Review, &["pull_request_review"], &[]),
    (HookEvent::Issue, &["issues"], &[]),
    (
        HookEvent::Comment,
        &["issue_comment", "pull_request_review_comment"],
        &["commit_comment"],
    ),
    (HookEvent::Release, &["release"], &[]),
    (
        HookEvent::Run,
        &["workflow_run"],
        &["workflow_job", "check_run", "check_suite"],
    ),
];

/// The word of a hook that tells of everything.
const EVERYTHING: &str = "*";

/// GitHub's words for `events`, each once.
pub fn events(events: &[HookEvent]) -> Vec<&'static str> {
    let asked = EVENTS.iter().filter(|(event, ..)| events.contains(event));
    asked.flat_map(|(_, words, _)| words.iter().copied()).collect()
}

/// `repo` is the path of the one that it belongs to.
pub fn hook(instance: &str, repo: &str, Row { wire, raw }: Row<wire::Hook>) -> Hook {
    let tells = |words: &[&str]| {
        wire.events
            .iter()
            .any(|its| its == EVERYTHING || words.contains(&&**its))
    };
    let events = EVENTS.iter().filter(|(_, words, more)| tells(words) || tells(more));
    Hook {
        id: forge::issue_id(instance, repo, wire.id),
        url: wire.config.and_then(|config| config.url).unwrap_or_default().into(),
        events: events.map(|(event, ..)| *event).collect(),
        active: wire.active,
        alert: wire.last_response.and_then(alert),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw_events: wire.events,
        raw: forge::hook_raw(raw),
    }
}

/// What went wrong at the last delivery.
fn alert(last: wire::LastResponse) -> Option<String> {
    match (last.code, last.status.as_deref()) {
        (Some(200..=299), _) | (None | Some(0), None | Some("unused" | "active" | "ok")) => None,
        (None | Some(0), Some(_)) => Some("the last delivery was not answered".to_owned()),
        (Some(code), _) => Some(format!("the last delivery was answered with status {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_tells_of_the_last_delivery_only_where_it_failed() {
        let said = |code: Option<u16>, status: &str| {
            let status = Some(status.to_owned());
            alert(wire::LastResponse { code, status }).is_some()
        };
        assert!(!said(None, "unused") && !said(Some(200), "active") && !said(Some(204), "active"));
        assert!(said(Some(502), "active") && said(None, "timeout") && said(Some(302), "active"));
    }
}
