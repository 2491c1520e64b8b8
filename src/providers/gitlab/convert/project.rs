//! Projects and their hooks.
//!
//! Invariant: the owner of a project is all that stands before the last slash of its path.

use mosaic_actors::call::Resource;
use serde_json::Value;

use crate::catalogue::git::{Forked, Hook, HookEvent, Repo, Visibility};
use crate::catalogue::link::Link;
use crate::providers::forge;
use crate::providers::gitlab::{ids, wire};
use crate::providers::http::Row;
use crate::providers::http::text::present;

pub fn repo(instance: &str, Row { wire, raw }: Row<wire::Project>) -> Repo {
    let path = wire.path_with_namespace;
    let (owner, name) = path.rsplit_once('/').unwrap_or_default();
    Repo {
        id: Resource::neutral_id(instance, &path),
        name: wire.path.unwrap_or_else(|| name.to_owned()),
        owner: owner.to_owned(),
        description: present(wire.description),
        visibility: visibility(wire.visibility.as_deref()),
        default_branch: present(wire.default_branch),
        archived: wire.archived,
        fork: wire.forked_from_project.is_some(),
        parent: wire.forked_from_project.and_then(|parent| parent.path_with_namespace),
        empty: wire.empty_repo,
        web_url: wire.web_url.map(Link::from),
        clone_url: wire.http_url_to_repo.map(Link::from),
        ssh_url: wire.ssh_url_to_repo.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.or(wire.last_activity_at).text(),
        path,
        raw,
    }
}

/// What is not known to be public is not shown as that.
fn visibility(word: Option<&str>) -> Visibility {
    match word {
        Some("public") => Visibility::Public,
        Some("internal") => Visibility::Internal,
        _ => Visibility::Private,
    }
}

/// GitLab's word for who may see a project.
pub fn visibility_word(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Internal => "internal",
        Visibility::Private => "private",
    }
}

pub fn forked(instance: &str, row: Row<wire::Project>) -> Forked {
    let ready = row.wire.import_status.as_deref().map(|status| status == "finished");
    Forked {
        repo: repo(instance, row),
        ready,
    }
}

/// What a hook's flags stand for. A merge request tells of its reviews, too.
const EVENTS: [(&str, &[HookEvent]); 7] = [
    ("push_events", &[HookEvent::Push]),
    ("tag_push_events", &[HookEvent::Tag]),
    ("merge_requests_events", &[HookEvent::Pull, HookEvent::Review]),
    ("issues_events", &[HookEvent::Issue]),
    ("note_events", &[HookEvent::Comment]),
    ("releases_events", &[HookEvent::Release]),
    ("pipeline_events", &[HookEvent::Run]),
];

pub fn hook(instance: &str, project: &str, Row { wire, raw }: Row<wire::Hook>) -> Hook {
    let set = |name: &str| wire.rest.get(name) == Some(&Value::Bool(true));
    let events = EVENTS.iter().filter(|(name, _)| set(name));
    let names = wire.rest.keys().filter(|name| name.ends_with("_events") && set(name));
    let alert = wire.alert_status.as_deref().filter(|status| *status != "executable");
    let until = wire.disabled_until.clone().text();
    Hook {
        id: ids::numbered_id(instance, project, wire.id),
        events: events.flat_map(|(_, events)| events.iter().copied()).collect(),
        raw_events: names.cloned().collect(),
        active: alert.is_none(),
        alert: alert.map(|status| match until {
            Some(until) => format!("{status} until {until}"),
            None => status.to_owned(),
        }),
        created_at: wire.created_at.text(),
        updated_at: None,
        url: wire.url.into(),
        raw: forge::hook_raw(raw),
    }
}

/// The hook that tells of these.
pub fn new_hook<'a>(url: &'a str, events: &[HookEvent], token: Option<&'a str>) -> wire::NewHook<'a> {
    let of = |event| events.contains(&event);
    wire::NewHook {
        url,
        push_events: of(HookEvent::Push),
        tag_push_events: of(HookEvent::Tag),
        merge_requests_events: of(HookEvent::Pull) || of(HookEvent::Review),
        issues_events: of(HookEvent::Issue),
        note_events: of(HookEvent::Comment),
        releases_events: of(HookEvent::Release),
        pipeline_events: of(HookEvent::Run),
        token,
    }
}
