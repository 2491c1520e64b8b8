//! Responses that are kept.
//!
//! Invariant: one that is made in the background stands a step further whenever it is looked at, until it has ended.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;

use crate::sandbox::kit::lock::lock;

/// The most that are kept; the oldest goes first.
const MOST: usize = 1000;

/// How far one is that is made in the background.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Queued,
    Running,
    Ended,
}

struct Kept {
    /// As it stands before it has ended.
    begun: Value,
    /// As it will have ended.
    whole: Value,
    /// What was said, its answer included.
    items: Vec<Value>,
    background: bool,
    step: Step,
}

/// Why one cannot be cancelled.
pub(super) enum Uncancelled {
    Unknown,
    Foreground,
}

#[derive(Default)]
pub(crate) struct Responses(Mutex<BTreeMap<String, Kept>>);

impl Responses {
    pub(super) fn keep(&self, id: &str, begun: Value, whole: Value, items: Vec<Value>, background: bool) {
        let step = if background { Step::Queued } else { Step::Ended };
        let mut kept = lock(&self.0);
        if kept.len() == MOST {
            kept.pop_first();
        }
        let entry = Kept {
            begun,
            whole,
            items,
            background,
            step,
        };
        kept.insert(id.to_owned(), entry);
    }

    /// One as it stands, which moves it on.
    pub(super) fn look(&self, id: &str) -> Option<Value> {
        let mut kept = lock(&self.0);
        let kept = kept.get_mut(id)?;
        kept.step = match kept.step {
            Step::Queued => Step::Running,
            Step::Running | Step::Ended => Step::Ended,
        };
        Some(match kept.step {
            Step::Ended => kept.whole.clone(),
            Step::Queued | Step::Running => kept.begun.clone(),
        })
    }

    /// What was said up to one and in it.
    pub(super) fn said(&self, id: &str) -> Option<Vec<Value>> {
        lock(&self.0).get(id).map(|kept| kept.items.clone())
    }

    /// Ends one; what has ended stays as it is.
    pub(super) fn cancel(&self, id: &str) -> Result<Value, Uncancelled> {
        let mut kept = lock(&self.0);
        let kept = kept.get_mut(id).ok_or(Uncancelled::Unknown)?;
        if !kept.background {
            return Err(Uncancelled::Foreground);
        }
        if kept.step != Step::Ended {
            kept.step = Step::Ended;
            kept.whole = kept.begun.clone();
            kept.whole["status"] = "cancelled".into();
        }
        Ok(kept.whole.clone())
    }
}
