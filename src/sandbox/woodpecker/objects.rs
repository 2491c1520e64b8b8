//! Woodpecker's JSON objects.
//!
//! Invariant: a log's `data` is base64, as Go writes bytes, whatever the published description says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::stage::{Ending, Stage};
use super::state::{Pipeline, Repo};

/// The workflows of every pipeline, and their steps. `clone` stands in both: a name alone does not tell which.
const WORKFLOWS: [(&str, [&str; 2]); 2] = [("lint", ["clone", "lint"]), ("test", ["clone", "test"])];
/// Steps of a pipeline.
const STEPS: u64 = 4;

/// One step of a pipeline: its place among all of them, from 1, and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    place: u64,
    name: &'static str,
}

pub(crate) fn user(login: &str) -> Value {
    json!({
        "id": 1, "forge_id": 1, "forge_remote_id": "1", "login": login, "email": format!("{login}@sandbox.invalid"),
        "avatar_url": "https://sandbox.invalid/avatar.png", "admin": false, "org_id": 1,
    })
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
    json!({
        "id": pipeline.id,
        "number": pipeline.number,
        "author": user,
        "author_avatar": "",
        "author_email": "",
        "parent": 0,
        "event": pipeline.event,
        "event_reason": [],
        "status": progress.as_str(),
        "errors": [],
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
        "reviewed_by": "",
        "reviewed": 0,
        "variables": pipeline.variables,
    })
}

/// A pipeline with its workflows and their steps.
pub(crate) fn full_pipeline(user: &str, of: &Pipeline) -> Value {
    let mut object = pipeline(user, of);
    let workflows = WORKFLOWS.iter().zip(1_u64..).map(|((name, steps), pid)| {
        let children: Vec<Value> = steps
            .iter()
            .zip(1_u64..)
            .map(|(name, at)| {
                step(
                    of,
                    Step {
                        place: (pid - 1) * 2 + at,
                        name,
                    },
                    pid,
                )
            })
            .collect();
        json!({
            "id": of.id * 2 + pid,
            "pipeline_id": of.id,
            "pid": pid,
            "name": name,
            "state": of.progress.as_str(),
            "started": of.progress.started_s,
            "finished": of.progress.finished_s,
            "agent_id": 1,
            "platform": "linux/amd64",
            "children": children,
        })
    });
    object["workflows"] = workflows.collect();
    object
}

fn step(of: &Pipeline, step: Step, workflow: u64) -> Value {
    let progress = &of.progress;
    let (started, finished) = match step.over(of) {
        true => (progress.started_s, progress.finished_s.max(progress.started_s)),
        false => (progress.started_s, progress.finished_s),
    };
    json!({
        "id": step.id(of),
        "uuid": format!("00000000-0000-4000-8000-{:012}", step.id(of)),
        "pipeline_id": of.id,
        "pid": step.place + 2,
        "ppid": workflow,
        "name": step.name,
        "state": step.as_str(of),
        "exit_code": i64::from(step.failed(of)),
        "started": started,
        "finished": finished,
        "type": if step.name == "clone" { "clone" } else { "commands" },
    })
}

impl Step {
    /// The step of this id, if it is one of this pipeline's.
    pub fn of_id(pipeline: &Pipeline, id: u64) -> Option<Self> {
        let place = id.checked_sub(pipeline.id * STEPS)?;
        let names = WORKFLOWS.iter().flat_map(|(_, steps)| steps);
        let (name, place) = names.zip(1..).find(|(_, at)| *at == place)?;
        Some(Step { place, name })
    }

    fn id(self, pipeline: &Pipeline) -> u64 {
        pipeline.id * STEPS + self.place
    }

    /// Only tests fail.
    fn failed(self, of: &Pipeline) -> bool {
        of.progress.stage() == Stage::Over && of.progress.ending == Ending::Failure && self.name == "test"
    }

    /// While a pipeline runs, its clones are done already.
    fn over(self, of: &Pipeline) -> bool {
        match of.progress.stage() {
            Stage::Pending => false,
            Stage::Running => self.name == "clone",
            Stage::Over => true,
        }
    }

    fn as_str(self, of: &Pipeline) -> &'static str {
        match (of.progress.stage(), of.progress.ending) {
            (Stage::Running, _) if self.over(of) => "success",
            (Stage::Over, Ending::Failure) if !self.failed(of) => "success",
            _ => of.progress.as_str(),
        }
    }

    /// The entries of its log, as far as it has come.
    pub fn log(self, of: &Pipeline, instance: &str) -> Vec<Value> {
        const STDOUT: u8 = 0;
        const STDERR: u8 = 1;
        const EXIT_CODE: u8 = 2;
        if of.progress.stage() == Stage::Over && !of.progress.ending.ran() {
            return Vec::new();
        }
        let mut lines = match self.name {
            "clone" => vec![
                (STDOUT, format!("+ git fetch origin {}", of.branch)),
                (STDOUT, format!("HEAD is now at {}", of.commit)),
            ],
            name => vec![
                (STDOUT, format!("+ make {name}")),
                (STDERR, format!("Grüße from {instance}")),
                (STDOUT, format!("make: {name} is done")),
            ],
        };
        match of.progress.stage() {
            Stage::Pending => lines.clear(),
            Stage::Running if !self.over(of) => lines.truncate(2),
            _ => lines.push((EXIT_CODE, i64::from(self.failed(of)).to_string())),
        }
        let entry = |(line, (kind, text)): (u64, (u8, String))| {
            json!({
                "id": self.id(of) * 100 + line, "step_id": self.id(of), "time": line, "line": line,
                "data": STANDARD.encode(text), "type": kind,
            })
        };
        (0..).zip(lines).map(entry).collect()
    }
}
