//! Hooks and their events.
//!
//! Invariant: what is asked for by [`words`] is recognised by [`tells_of`].

use crate::catalogue::git::{Hook, HookEvent};
use crate::providers::forge;
use crate::providers::gitea::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

pub fn hook(instance: &str, repo: &str, Row { wire, raw }: Row<wire::Hook>) -> Hook {
    let raw_events = wire.events.unwrap_or_default();
    let mut events = vec![];
    for event in raw_events.iter().filter_map(|word| tells_of(word)) {
        if !events.contains(&event) {
            events.push(event);
        }
    }
    Hook {
        // As an issue's: numbered within its repository.
        id: forge::issue_id(instance, repo, wire.id),
        url: wire
            .config
            .and_then(|config| present(config.url))
            .unwrap_or_default()
            .into(),
        events,
        raw_events,
        active: wire.active,
        alert: None,
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw: forge::hook_raw(raw),
    }
}

/// Gitea's words for an event. `pull_request` and `issues` would bring comments and reviews along.
pub fn words(event: HookEvent) -> &'static [&'static str] {
    match event {
        HookEvent::Push => &["push"],
        // Of branches, too.
        HookEvent::Tag => &["create", "delete"],
        HookEvent::Pull => &[
            "pull_request_only",
            "pull_request_assign",
            "pull_request_label",
            "pull_request_milestone",
            "pull_request_sync",
            "pull_request_review_request",
        ],
        HookEvent::Review => &["pull_request_review"],
        HookEvent::Issue => &["issues_only", "issue_assign", "issue_label", "issue_milestone"],
        HookEvent::Comment => &["issue_comment", "pull_request_comment"],
        HookEvent::Release => &["release"],
        HookEvent::Run => &["workflow_run"],
    }
}

/// What one of the words that Gitea answers with means; none where there is no common word for it.
fn tells_of(word: &str) -> Option<HookEvent> {
    Some(match word {
        "push" => HookEvent::Push,
        "create" | "delete" => HookEvent::Tag,
        "issue_comment" | "pull_request_comment" => HookEvent::Comment,
        "release" => HookEvent::Release,
        "workflow_run" | "workflow_job" => HookEvent::Run,
        "pull_request_review_request" => HookEvent::Pull,
        word if word.starts_with("pull_request_review") => HookEvent::Review,
        word if word.starts_with("pull_request") => HookEvent::Pull,
        word if word.starts_with("issue") => HookEvent::Issue,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_recognised_in_the_answer() {
        use HookEvent::{Comment, Issue, Pull, Push, Release, Review, Run, Tag};
        for event in [Push, Tag, Pull, Review, Issue, Comment, Release, Run] {
            for word in words(event) {
                assert_eq!(tells_of(word), Some(event), "{word}");
            }
        }
        assert_eq!(tells_of("wiki"), None);
        assert_eq!(tells_of("pull_request_review_approved"), Some(Review));
    }
}
