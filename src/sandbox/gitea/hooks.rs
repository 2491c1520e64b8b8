//! Hooks.
//!
//! Invariant: a hook's secret is taken, and never given.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};

use super::answer::{Named, created, number};
use super::form::Form;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::HookDraft;

/// The events that there are, and the word that asks for several of them at once.
const EVENTS: &[(&str, &str)] = &[
    ("create", ""),
    ("push", ""),
    ("delete", ""),
    ("fork", ""),
    ("repository", ""),
    ("wiki", ""),
    ("release", ""),
    ("package", ""),
    ("status", ""),
    ("workflow_run", ""),
    ("workflow_job", ""),
    ("issues", "issues"),
    ("issue_assign", "issues"),
    ("issue_label", "issues"),
    ("issue_milestone", "issues"),
    ("issue_comment", "issues"),
    ("pull_request", "pull_request"),
    ("pull_request_assign", "pull_request"),
    ("pull_request_label", "pull_request"),
    ("pull_request_milestone", "pull_request"),
    ("pull_request_comment", "pull_request"),
    ("pull_request_review", "pull_request"),
    ("pull_request_review_request", "pull_request"),
    ("pull_request_sync", "pull_request"),
];
/// Whom hooks can tell.
const TYPES: &[&str] = &[
    "gitea",
    "gogs",
    "slack",
    "discord",
    "dingtalk",
    "telegram",
    "msteams",
    "feishu",
    "matrix",
    "wechatwork",
    "packagist",
];

/// The events of a hook that asks for these: unknown ones are dropped without a word, and none means pushes.
fn events(asked: &[String]) -> Vec<String> {
    let asks = |word: &str| asked.iter().any(|asked| asked.eq_ignore_ascii_case(word));
    if asked.is_empty() {
        return vec!["push".to_owned()];
    }
    let wanted = |(name, group): &&(&str, &str)| {
        // One of its own name alone goes by another.
        let alone = name == group && asks(&format!("{name}_only"));
        alone || asks(name) || (!group.is_empty() && asks(group))
    };
    EVENTS
        .iter()
        .filter(wanted)
        .map(|(name, _)| (*name).to_owned())
        .collect()
}

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.administered(&owner, &name)?;
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &repo.hooks, |hook| {
        links.hook(hook)
    }))
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let (repo, id) = (state.administered(&owner, &name)?, number(&id)?);
    let found = repo
        .hooks
        .iter()
        .find(|hook| hook.id == id)
        .ok_or_else(Problem::not_found)?;
    Ok(Json(gitea.links().hook(found)).into_response())
}

/// It is not active unless it is said to be.
pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let repo = state.administered(&owner, &name)?.id;
    let form = Form::read(&body)?;
    let kind = form.required("type", "Type")?;
    let config = form
        .part("config")?
        .ok_or_else(|| Problem::invalid("[Config]: Required"))?;
    if !TYPES.contains(&kind) {
        return Err(Problem::invalid(format!("Invalid hook type: {kind}")));
    }
    let option = |name: &str| -> Result<&str, Problem> {
        let missing = || Problem::invalid(format!("Missing config option: {name}"));
        config.text(name)?.ok_or_else(missing)
    };
    let (url, content_type) = (option("url")?, option("content_type")?);
    if !matches!(content_type, "json" | "form") {
        return Err(Problem::invalid("Invalid content type"));
    }
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Problem::invalid("Invalid url"));
    }
    let draft = HookDraft {
        url: url.to_owned(),
        events: events(&form.texts("events")?.unwrap_or_default()),
        active: form.flag("active")?.unwrap_or_default(),
        content_type: content_type.to_owned(),
        insecure_tls: false,
        signed: config.filled("secret")?.is_some(),
    };
    let hook = state.create_hook(repo, draft)?;
    Ok(created(gitea.links().hook(&hook)))
}

pub(crate) async fn delete(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    let repo = state.administered(&owner, &name)?.id;
    state.delete_hook(repo, number(&id)?)?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_several_events_and_an_unknown_one_for_none() {
        let of = |words: &[&str]| events(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(of(&[]), ["push"]);
        assert_eq!(of(&["nonsense", "PUSH"]), ["push"]);
        assert!(of(&["nonsense"]).is_empty());
        assert_eq!(of(&["issues"]).len(), 5);
        assert_eq!(
            of(&["issues_only", "pull_request_sync"]),
            ["issues", "pull_request_sync"]
        );
        assert!(of(&["pull_request"]).contains(&"pull_request_review".to_owned()));
    }
}
