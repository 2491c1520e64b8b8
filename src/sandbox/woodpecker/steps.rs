//! The steps of a pipeline and what they print.
//!
//! Invariant: a log's `data` is base64, as Go writes bytes, whatever the published description says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::stage::{Ending, Stage};
use super::state::Pipeline;

/// The workflows of every pipeline, and their steps. `clone` stands in both: a name alone does not tell which.
pub(crate) const WORKFLOWS: [(&str, [&str; 2]); 2] = [("lint", ["clone", "lint"]), ("test", ["clone", "test"])];
/// Steps of a workflow.
const PER_WORKFLOW: u64 = 2;
/// Steps of a pipeline.
const STEPS: u64 = 4;

/// One step of a pipeline: its place among all of them, from 1, and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    place: u64,
    name: &'static str,
}

/// What a line of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Printed {
    Out = 0,
    Err = 1,
    ExitCode = 2,
}

impl Step {
    /// All of a pipeline.
    pub fn all() -> impl Iterator<Item = Self> {
        let names = WORKFLOWS.iter().flat_map(|(_, steps)| steps);
        names.zip(1..).map(|(name, place)| Step { place, name })
    }

    /// The step of this id, if it is one of this pipeline's.
    pub fn of_id(pipeline: &Pipeline, id: u64) -> Option<Self> {
        let place = id.checked_sub(pipeline.id * STEPS)?;
        Self::all().find(|step| step.place == place)
    }

    pub fn id(self, pipeline: &Pipeline) -> u64 {
        pipeline.id * STEPS + self.place
    }

    /// The number of its workflow.
    pub fn workflow(self) -> u64 {
        self.place.div_ceil(PER_WORKFLOW)
    }

    pub fn shown(self, of: &Pipeline) -> Value {
        let progress = &of.progress;
        let finished = match self.stage(of) {
            Stage::Over => progress.finished_s.max(progress.started_s),
            _ => 0,
        };
        json!({
            "id": self.id(of),
            "uuid": format!("00000000-0000-4000-8000-{:012}", self.id(of)),
            "pipeline_id": of.id,
            "pid": self.place + 2,
            "ppid": self.workflow(),
            "name": self.name,
            "state": self.as_str(of),
            "exit_code": i64::from(self.failed(of)),
            "started": progress.started_s,
            "finished": finished,
            "type": if self.name == "clone" { "clone" } else { "commands" },
        })
    }

    /// Where it is: while a pipeline runs, its clones are done already, and what was followed to its end is too.
    pub fn stage(self, of: &Pipeline) -> Stage {
        match of.progress.steps_stage() {
            Stage::Running if self.name == "clone" || of.followed.contains(&self.id(of)) => Stage::Over,
            stage => stage,
        }
    }

    /// Only tests fail.
    fn failed(self, of: &Pipeline) -> bool {
        self.stage(of) == Stage::Over && of.progress.ending == Ending::Failure && self.name == "test"
    }

    fn as_str(self, of: &Pipeline) -> &'static str {
        let all_over = of.progress.steps_stage() == Stage::Over;
        match (self.stage(of), of.progress.ending) {
            (Stage::Over, _) if !all_over && !self.failed(of) => "success",
            (Stage::Over, Ending::Failure) if !self.failed(of) => "success",
            (Stage::Over, Ending::Failure) => "failure",
            (Stage::Over, Ending::Killed) if self.name == "clone" => "success",
            _ => of.progress.steps_as_str(),
        }
    }

    /// The entries of its log, as far as it has come.
    pub fn log(self, of: &Pipeline, instance: &str) -> Vec<Value> {
        if of.without_log.contains(&self.id(of)) {
            return Vec::new();
        }
        self.entries(of, instance, self.stage(of))
    }

    /// The entries that a stream has of it: all that it prints, or what one that never ends has printed.
    pub fn streamed(self, of: &Pipeline, instance: &str) -> Vec<Value> {
        let ends = !of.progress.holds();
        self.entries(of, instance, if ends { Stage::Over } else { Stage::Running })
    }

    fn entries(self, of: &Pipeline, instance: &str, stage: Stage) -> Vec<Value> {
        let over = of.progress.steps_stage() == Stage::Over;
        let mut lines = match self.name {
            "clone" => vec![
                (Printed::Out, format!("+ git fetch origin {}", of.branch)),
                (Printed::Out, format!("HEAD is now at {}", of.commit)),
            ],
            name => vec![
                (Printed::Out, format!("+ make {name}")),
                (Printed::Err, format!("Grüße from {instance}")),
                (Printed::Out, format!("make: {name} is done")),
            ],
        };
        match stage {
            Stage::Over if over && of.progress.started_s == 0 => lines.clear(),
            Stage::Over if over && self.name != "clone" && !of.progress.ending.ran() => lines.truncate(2),
            Stage::Over => {
                let fails = of.progress.ending == Ending::Failure && self.name == "test";
                lines.push((Printed::ExitCode, i64::from(fails).to_string()));
            }
            Stage::Running => lines.truncate(2),
            Stage::Pending => lines.clear(),
        }
        let entry = |(line, (printed, text)): (u64, (Printed, String))| {
            json!({
                "id": self.id(of) * 100 + line, "step_id": self.id(of), "time": line, "line": line,
                "data": STANDARD.encode(text), "type": printed as u8,
            })
        };
        (0..).zip(lines).map(entry).collect()
    }

    /// The text of its log.
    pub fn text(self, of: &Pipeline, instance: &str) -> String {
        let printed = |entry: &Value| entry["type"] != Printed::ExitCode as u8;
        let text = |entry: Value| {
            // It was encoded here.
            let line = STANDARD
                .decode(entry["data"].as_str().unwrap_or_default())
                .unwrap_or_default();
            format!("{}\n", String::from_utf8_lossy(&line))
        };
        self.log(of, instance).into_iter().filter(printed).map(text).collect()
    }
}
