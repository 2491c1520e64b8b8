//! What jobs print.
//!
//! Invariant: a log only grows while its job runs, and what never ran has none.

use jiff::Timestamp;

use super::ending::{Ending, Stage};
use super::job::{JobView, Step};
use super::run::Run;

/// Where a line was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// A line of a log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The step that printed it, from 1.
    pub step: usize,
    pub at: Timestamp,
    pub stream: Stream,
    pub text: String,
}

impl Run {
    /// What a job has printed, as far as it has come; `secrets`: the names of those that it is given.
    pub fn log(&self, view: JobView<'_>, instance: &str, secrets: &[(&str, usize)]) -> Vec<Line> {
        let mut lines = Vec::new();
        for step in view.steps() {
            let Some(at) = step.started_at else { continue };
            let mut print = |stream, text: String| {
                lines.push(Line {
                    step: step.number,
                    at,
                    stream,
                    text,
                });
            };
            for (stream, text) in self.printed(&step, instance, secrets) {
                print(stream, text);
            }
        }
        lines
    }

    fn printed(&self, step: &Step, instance: &str, secrets: &[(&str, usize)]) -> Vec<(Stream, String)> {
        let mut lines = if step.number == 1 {
            let given = secrets.iter();
            let mut lines = vec![
                (Stream::Out, format!("+ git fetch origin {}", self.branch)),
                (Stream::Out, format!("HEAD is now at {}", self.commit)),
            ];
            lines.extend(given.map(|(name, size)| (Stream::Out, format!("secret {name}: {size} bytes"))));
            lines
        } else {
            vec![
                (Stream::Out, format!("+ make {}", step.name)),
                (Stream::Err, format!("Grüße from {instance}")),
                (Stream::Out, format!("make: {} is done", step.name)),
            ]
        };
        match step.stage {
            Stage::Over(Ending::Success) => {}
            Stage::Over(Ending::Failure | Ending::Unstable) => {
                lines.pop();
                lines.push((Stream::Err, format!("make: *** [{}] Error 1", step.name)));
            }
            Stage::Running => lines.truncate(2),
            Stage::Over(Ending::Cancelled) => {
                lines.truncate(2);
                lines.push((Stream::Err, "The operation was canceled.".to_owned()));
            }
            _ => lines.clear(),
        }
        lines
    }
}
