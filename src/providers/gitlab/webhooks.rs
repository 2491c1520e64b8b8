//! What GitLab sends by itself.
//!
//! Invariant: where it signs, the signature counts, and not the plain secret beside it.

use mosaic_actors::error::Failure;
use serde::Deserialize;

use crate::catalogue::event::{EventType, Told};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::http::Time;
use crate::providers::http::text::present;
use crate::providers::webhooks::{Proof, Webhooks, body, forge};

pub static WEBHOOKS: Webhooks = Webhooks {
    proofs: &[
        Proof::Standard,
        Proof::Token {
            header: "x-gitlab-token",
        },
    ],
    // Not the event's UUID: what an event sets off carries it, too.
    delivery: &["webhook-id", "idempotency-key"],
    within: None,
    read: |_, json| told(json),
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delivery {
    object_kind: Option<String>,
    event_name: Option<String>,
    action: Option<String>,
    project: Option<Project>,
    /// Of hooks of a whole server.
    path_with_namespace: Option<String>,
    user: Option<User>,
    user_username: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    before: Option<String>,
    after: Option<String>,
    object_attributes: Option<Attributes>,
    merge_request: Option<Numbered>,
    issue: Option<Numbered>,
    updated_at: Time,
    url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Project {
    path_with_namespace: Option<String>,
    web_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct User {
    username: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Numbered {
    iid: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attributes {
    iid: Option<u64>,
    action: Option<String>,
    noteable_type: Option<String>,
    url: Option<String>,
    updated_at: Time,
}

/// The commit of a reference that was not there, or is not any more.
fn is_nothing(commit: Option<&String>) -> bool {
    commit.is_some_and(|hash| !hash.is_empty() && hash.bytes().all(|digit| digit == b'0'))
}

fn told(json: &[u8]) -> Result<Vec<Told>, Failure> {
    let delivery: Delivery = body(json)?;
    Ok(vec![delivery.told()])
}

impl Delivery {
    fn told(mut self) -> Told {
        let object = self.object_attributes.take().unwrap_or_default();
        let word = self.object_kind.take().or(self.event_name.take());
        let word = word.unwrap_or_else(|| "unknown".to_owned());
        let action = object.action.clone().or(self.action.take());
        let kind = self.kind(&word, action.as_deref().unwrap_or_default(), &object);
        let page = || self.project.as_ref().and_then(|project| project.web_url.clone());
        Told {
            native: self.native(kind, &object),
            reference: self.reference.as_deref().map(forge::plain),
            web_url: present(object.url)
                .or_else(|| present(self.url.clone()))
                .or_else(page)
                .map(Link::from),
            occurred_at: object.updated_at.or(self.updated_at.clone()).in_utc(),
            raw_type: match action {
                Some(action) => format!("{word}.{action}"),
                None => word,
            },
            actor: self.actor(),
            kind,
        }
    }

    fn kind(&self, word: &str, action: &str, object: &Attributes) -> EventType {
        let (came, went) = (is_nothing(self.before.as_ref()), is_nothing(self.after.as_ref()));
        match word {
            "push" if went => EventType::BranchDeleted,
            "push" if came => EventType::BranchCreated,
            "push" => EventType::Push,
            "tag_push" if went => EventType::TagDeleted,
            "tag_push" => EventType::TagCreated,
            "merge_request" => merge_request(action),
            "issue" | "work_item" | "incident" => issue(action),
            "note" => match object.noteable_type.as_deref() {
                Some("MergeRequest") => EventType::PullCommented,
                Some("Issue" | "WorkItem") => EventType::IssueCommented,
                _ => EventType::Other,
            },
            "release" => EventType::ReleaseChanged,
            "milestone" => EventType::MilestoneChanged,
            "pipeline" | "build" => EventType::StatusChanged,
            "repository_update" => EventType::RepoChanged,
            _ if word.starts_with("project_") => EventType::RepoChanged,
            _ => EventType::Other,
        }
    }

    fn native(&self, kind: EventType, object: &Attributes) -> Option<String> {
        let of_project = self
            .project
            .as_ref()
            .and_then(|project| project.path_with_namespace.as_deref());
        let path = of_project.or(self.path_with_namespace.as_deref())?;
        let iid = |thing: &Option<Numbered>| thing.as_ref().and_then(|thing| thing.iid);
        let number = match kind {
            EventType::PullCommented => iid(&self.merge_request),
            EventType::IssueCommented => iid(&self.issue),
            _ if kind.is("git.pr") || kind.is("projects.issue") => object.iid,
            _ => None,
        };
        Some(match number {
            Some(number) => format!("{path}#{number}"),
            None => path.to_owned(),
        })
    }

    fn actor(self) -> Option<Person> {
        let (login, name) = match self.user {
            Some(user) => (user.username, user.name),
            None => (self.user_username, None),
        };
        Some(Person {
            name: present(name),
            ..Person::of_login(login?)?
        })
    }
}

fn merge_request(action: &str) -> EventType {
    match action {
        "open" => EventType::PullOpened,
        "close" => EventType::PullClosed,
        "reopen" => EventType::PullReopened,
        "merge" => EventType::PullMerged,
        "approved" | "unapproved" | "approval" | "unapproval" => EventType::PullReviewed,
        _ => EventType::PullUpdated,
    }
}

fn issue(action: &str) -> EventType {
    match action {
        "open" => EventType::IssueOpened,
        "close" => EventType::IssueClosed,
        "reopen" => EventType::IssueReopened,
        _ => EventType::IssueUpdated,
    }
}
