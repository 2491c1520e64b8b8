//! Deliveries of the shape that several forges share: an event's name in a header, and an object around `repository`.
//!
//! Invariant: what cannot be understood is told as [`EventType::Other`] with the forge's word, and never as nothing.

use mosaic_actors::error::Failure;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{body, payload};
use crate::catalogue::event::{EventType, Told};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::http::Time;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delivery {
    action: Option<String>,
    repository: Option<Repository>,
    sender: Option<User>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    ref_type: Option<String>,
    deleted: bool,
    pull_request: Option<Numbered>,
    issue: Option<Numbered>,
    number: Option<u64>,
    comment: Option<Thing>,
    review: Option<Thing>,
    release: Option<Thing>,
    workflow_run: Option<Thing>,
    workflow_job: Option<Thing>,
    head_commit: Option<Thing>,
}

#[derive(Debug, Deserialize)]
struct Repository {
    full_name: Option<String>,
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct User {
    login: Option<String>,
    full_name: Option<String>,
    html_url: Option<String>,
}

/// A pull request, or an issue.
#[derive(Debug, Deserialize)]
struct Numbered {
    number: Option<u64>,
    merged: Option<bool>,
    merged_at: Time,
    html_url: Option<String>,
    updated_at: Time,
    /// On an issue that is a pull request.
    pull_request: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Thing {
    id: Option<IgnoredOrNumber>,
    run_id: Option<u64>,
    html_url: Option<String>,
    #[serde(default)]
    updated_at: Time,
    #[serde(default)]
    timestamp: Time,
    #[serde(default)]
    submitted_at: Time,
}

/// Ids of commits are texts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum IgnoredOrNumber {
    Number(u64),
    Other(IgnoredAny),
}

/// Words of an event's name, after which only a try has come.
const TRIES: &[&str] = &["ping", "meta"];

/// What a delivery tells; nothing where the forge only tries whether it arrives.
///
/// # Errors
/// `invalid_input` on `body`.
pub fn told(event: &str, json: &[u8]) -> Result<Vec<Told>, Failure> {
    let delivery: Delivery = body(&payload(json))?;
    if TRIES.contains(&event) {
        return Ok(vec![]);
    }
    Ok(vec![delivery.told(event)])
}

impl Delivery {
    fn told(self, event: &str) -> Told {
        let action = self.action.as_deref().unwrap_or_default();
        let is_pull = self.is_of_pull();
        let kind = self.kind(event, action, is_pull);
        let raw_type = match action.is_empty() {
            true => event.to_owned(),
            false => format!("{event}.{action}"),
        };
        Told {
            kind,
            raw_type,
            native: self.native(kind),
            reference: self.reference.as_deref().map(plain),
            occurred_at: self.moment(),
            web_url: self.page().map(Link::from),
            actor: self.sender.and_then(person),
        }
    }

    fn is_of_pull(&self) -> bool {
        self.pull_request.is_some() || self.issue.as_ref().is_some_and(|issue| issue.pull_request.is_some())
    }

    fn kind(&self, event: &str, action: &str, is_pull: bool) -> EventType {
        let is_tag = self.ref_type.as_deref() == Some("tag")
            || self
                .reference
                .as_deref()
                .is_some_and(|name| name.starts_with("refs/tags/"));
        match event {
            "push" if is_tag && self.deleted => EventType::TagDeleted,
            "push" if is_tag => EventType::TagCreated,
            "push" => EventType::Push,
            "create" if is_tag => EventType::TagCreated,
            "create" => EventType::BranchCreated,
            "delete" if is_tag => EventType::TagDeleted,
            "delete" => EventType::BranchDeleted,
            "issues" => issue(action),
            "issue_comment" if is_pull => EventType::PullCommented,
            "issue_comment" => EventType::IssueCommented,
            "pull_request_comment" | "pull_request_review_comment" | "pull_request_review_thread" => {
                EventType::PullCommented
            }
            "pull_request_review" | "pull_request_approved" | "pull_request_rejected" => EventType::PullReviewed,
            "pull_request" => self.pull(action),
            _ if event.starts_with("pull_request_") => EventType::PullUpdated,
            _ if event.starts_with("issue_") => EventType::IssueUpdated,
            "release" => EventType::ReleaseChanged,
            "repository" | "public" => EventType::RepoChanged,
            "status" | "check_run" | "check_suite" => EventType::StatusChanged,
            "workflow_run" | "workflow_job" => EventType::RunChanged,
            "label" => EventType::LabelChanged,
            "milestone" => EventType::MilestoneChanged,
            _ => EventType::Other,
        }
    }

    fn pull(&self, action: &str) -> EventType {
        let pull = self.pull_request.as_ref();
        let is_merged = |pull: &Numbered| pull.merged == Some(true) || pull.merged_at.at().is_some();
        match action {
            "opened" => EventType::PullOpened,
            "closed" if pull.is_some_and(is_merged) => EventType::PullMerged,
            "closed" => EventType::PullClosed,
            "reopened" => EventType::PullReopened,
            "reviewed" => EventType::PullReviewed,
            _ => EventType::PullUpdated,
        }
    }

    /// The repository, or what is numbered within it.
    fn native(&self, kind: EventType) -> Option<String> {
        let path = self.repository.as_ref()?.full_name.as_deref()?;
        let of = |thing: &Option<Numbered>| thing.as_ref().and_then(|thing| thing.number);
        let run = || {
            let id = |thing: &Thing| match thing.id {
                Some(IgnoredOrNumber::Number(id)) => Some(id),
                _ => None,
            };
            let job = || self.workflow_job.as_ref().and_then(|job| job.run_id);
            self.workflow_run.as_ref().and_then(id).or_else(job)
        };
        let number = match kind {
            EventType::RunChanged => run(),
            _ if kind.is("git.pr") || kind.is("projects.issue") => {
                of(&self.pull_request).or_else(|| of(&self.issue)).or(self.number)
            }
            _ => None,
        };
        Some(match number {
            Some(number) => format!("{path}#{number}"),
            None => path.to_owned(),
        })
    }

    fn moment(&self) -> Option<String> {
        let things = [
            &self.comment,
            &self.review,
            &self.release,
            &self.workflow_run,
            &self.head_commit,
        ];
        let of_thing = things.into_iter().flatten().map(|thing| {
            let at = thing.updated_at.clone().or(thing.submitted_at.clone());
            at.or(thing.timestamp.clone())
        });
        let numbered = [&self.pull_request, &self.issue].into_iter().flatten();
        let of_numbered = numbered.map(|thing| thing.updated_at.clone());
        of_thing.chain(of_numbered).find_map(Time::in_utc)
    }

    fn page(&self) -> Option<String> {
        let things = [
            &self.comment,
            &self.review,
            &self.release,
            &self.workflow_run,
            &self.workflow_job,
        ];
        let of_thing = things.into_iter().flatten().filter_map(|thing| thing.html_url.as_ref());
        let numbered = [&self.pull_request, &self.issue].into_iter().flatten();
        let of_numbered = numbered.filter_map(|thing| thing.html_url.as_ref());
        let of_repository = self
            .repository
            .iter()
            .filter_map(|repository| repository.html_url.as_ref());
        of_thing.chain(of_numbered).chain(of_repository).next().cloned()
    }
}

fn issue(action: &str) -> EventType {
    match action {
        "opened" => EventType::IssueOpened,
        "closed" => EventType::IssueClosed,
        "reopened" => EventType::IssueReopened,
        "deleted" | "transferred" => EventType::IssueDeleted,
        _ => EventType::IssueUpdated,
    }
}

fn person(user: User) -> Option<Person> {
    Some(Person {
        name: user.full_name.filter(|name| !name.is_empty()),
        web_url: user.html_url.map(Link::from),
        ..Person::of_login(user.login?)?
    })
}

/// A branch's or a tag's name, without what stands before it.
pub fn plain(reference: &str) -> String {
    let plain = ["refs/heads/", "refs/tags/"]
        .iter()
        .find_map(|before| reference.strip_prefix(before));
    plain.unwrap_or(reference).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn one(event: &str, delivery: Value) -> Told {
        let told = told(event, delivery.to_string().as_bytes()).expect("it is read");
        told.into_iter().next().expect("one event")
    }

    #[test]
    fn what_a_pull_request_went_through_is_told_apart() {
        let pull = |action: &str, merged: bool| {
            let delivery = json!({"action": action, "repository": {"full_name": "acme/api"},
                "sender": {"login": "kim"}, "pull_request": {"number": 7, "merged": merged,
                "updated_at": "2026-03-01T10:00:00Z", "html_url": "https://h/acme/api/pull/7"}});
            one("pull_request", delivery)
        };
        assert_eq!(pull("opened", false).kind, EventType::PullOpened);
        assert_eq!(pull("closed", false).kind, EventType::PullClosed);
        assert_eq!(pull("synchronize", false).kind, EventType::PullUpdated);
        let merged = pull("closed", true);
        assert_eq!(merged.kind, EventType::PullMerged);
        assert_eq!(merged.native.as_deref(), Some("acme/api#7"));
        assert_eq!(merged.raw_type, "pull_request.closed");
        assert_eq!(merged.occurred_at.as_deref(), Some("2026-03-01T10:00:00Z"));
        assert_eq!(merged.actor.and_then(|actor| actor.login).as_deref(), Some("kim"));
        assert_eq!(
            merged.kind.is("git.pr").then_some(merged.web_url.as_deref()),
            Some(Some("https://h/acme/api/pull/7"))
        );
    }

    #[test]
    fn a_comment_on_a_pull_request_is_none_on_an_issue() {
        let comment = |issue: Value| {
            one(
                "issue_comment",
                json!({"action": "created", "issue": issue,
            "repository": {"full_name": "acme/api"}}),
            )
        };
        assert_eq!(comment(json!({"number": 7})).kind, EventType::IssueCommented);
        assert_eq!(
            comment(json!({"number": 7, "pull_request": {}})).kind,
            EventType::PullCommented
        );
        assert_eq!(
            comment(json!({"number": 7, "pull_request": null})).kind,
            EventType::IssueCommented
        );
    }

    #[test]
    fn references_are_told_by_their_names() {
        let push = |reference: &str, deleted: bool| {
            one(
                "push",
                json!({"ref": reference, "deleted": deleted,
            "repository": {"full_name": "acme/api"}}),
            )
        };
        assert_eq!(push("refs/heads/a/b", false).reference.as_deref(), Some("a/b"));
        assert_eq!(push("refs/tags/v1", false).kind, EventType::TagCreated);
        assert_eq!(push("refs/tags/v1", true).kind, EventType::TagDeleted);
        assert_eq!(push("refs/heads/x", false).native.as_deref(), Some("acme/api"));
    }

    #[test]
    fn what_is_not_known_is_told_in_the_forges_word_and_a_try_tells_nothing() {
        let odd = one("sponsorship", json!({"action": "created"}));
        assert_eq!(
            (odd.kind, &*odd.raw_type, odd.native),
            (EventType::Other, "sponsorship.created", None)
        );
        assert!(told("ping", b"{\"zen\": \"x\"}").expect("read").is_empty());
        let form = told("push", b"payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D").expect("read");
        assert_eq!(form[0].reference.as_deref(), Some("main"));
        assert_eq!(told("push", b"[").unwrap_err().field.as_deref(), Some("body"));
    }
}
