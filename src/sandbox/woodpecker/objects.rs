//! Woodpecker's JSON objects.
//!
//! Invariant: lists show a pipeline without its workflows; only a pipeline read by itself has them.

use serde_json::{Value, json};

use super::stage::Ending;
use super::state::{Pipeline, Repo};
use super::steps::{Step, WORKFLOWS};

pub(crate) fn user(login: &str, admin: bool) -> Value {
    json!({
        "id": 1, "forge_id": 1, "forge_remote_id": "1", "login": login, "email": format!("{login}@sandbox.invalid"),
        "avatar_url": "https://sandbox.invalid/avatar.png", "admin": admin, "org_id": 1,
    })
}

/// As a user's own list shows it.
pub(crate) fn own_repo(user: &str, of: &Repo) -> Value {
    let mut object = repo(of);
    object["last_pipeline"] = of.pipelines.last().map_or(Value::Null, |last| pipeline(user, last));
    object
}

pub(crate) fn repo(repo: &Repo) -> Value {
    let forge = format!("https://forge.sandbox.invalid/{}", repo.full_name);
    json!({
        "id": repo.id,
        "forge_id": 1,
        "forge_remote_id": repo.id.to_string(),
        "org_id": 1,
        "owner": repo.seed.org,
        "name": repo.seed.name,
        "full_name": repo.full_name,
        "avatar_url": "",
        "forge_url": forge,
        "clone_url": format!("{forge}.git"),
        "clone_url_ssh": "",
        "default_branch": repo.seed.branches[0].name,
        "pr_enabled": true,
        "timeout": 60,
        "visibility": "public",
        "private": false,
        "trusted": { "network": false, "volumes": false, "security": false },
        "require_approval": "forks",
        "active": true,
        "allow_pr": true,
        "allow_deploy": false,
        "config_file": "",
        "cancel_previous_pipeline_events": [],
        "netrc_trusted": [],
    })
}

/// A pipeline as lists show it: without workflows.
pub(crate) fn pipeline(user: &str, pipeline: &Pipeline) -> Value {
    let Pipeline { progress, .. } = pipeline;
    let broken = json!({ "type": "compiler", "message": "no step is left", "is_warning": false, "data": null });
    let mut object = json!({
        "id": pipeline.id,
        "number": pipeline.number,
        "author": user,
        "author_avatar": "",
        "author_email": "",
        "parent": pipeline.parent,
        "event": pipeline.event,
        "event_reason": [],
        "status": progress.as_str(),
        "errors": if progress.ending == Ending::Error { json!([broken]) } else { json!([]) },
        "created": pipeline.created_s,
        "updated": progress.finished_s.max(progress.started_s).max(pipeline.created_s),
        "started": progress.started_s,
        "finished": progress.finished_s,
        "deploy_to": "",
        "deploy_task": "",
        "commit": pipeline.commit,
        "branch": pipeline.branch,
        "ref": format!("refs/heads/{}", pipeline.branch),
        "refspec": "",
        "message": pipeline.message,
        "timestamp": pipeline.created_s,
        "sender": "",
        "forge_url": format!("https://forge.sandbox.invalid/commit/{}", pipeline.commit),
        "reviewed_by": if pipeline.reviewed_s > 0 { user } else { "" },
        "reviewed": pipeline.reviewed_s,
        "variables": pipeline.variables,
    });
    if pipeline.cancelled {
        object["cancel_info"] = json!({ "canceled_by_user": user });
    }
    object
}

/// A pipeline with its workflows and their steps.
pub(crate) fn full_pipeline(user: &str, of: &Pipeline) -> Value {
    let mut object = pipeline(user, of);
    // What is broken has nothing to run.
    if of.progress.ending == Ending::Error && of.progress.started_s == 0 {
        object["workflows"] = Value::Null;
        return object;
    }
    let workflows = WORKFLOWS.iter().zip(1_u64..).map(|((name, _), pid)| {
        json!({
            "id": of.id * 2 + pid,
            "pipeline_id": of.id,
            "pid": pid,
            "name": name,
            "state": of.progress.steps_as_str(),
            "started": of.progress.started_s,
            "finished": of.progress.finished_s,
            "agent_id": 1,
            "platform": "linux/amd64",
            "children": Step::all().filter(|step| step.workflow() == pid).map(|step| step.shown(of)).collect::<Vec<_>>(),
        })
    });
    object["workflows"] = workflows.collect();
    object
}
