//! What a Jenkins starts with: jobs of every kind, at the root and in folders, with builds of every ending.
//!
//! Invariant: the same instance name gives the same jobs and builds.

use super::parameters::{DRY_RUN, Definition, ENVIRONMENT, OUTCOMES, OUTCOMES_OF_PIPELINE, fill};
use super::stage::{Ending, Progress};
use super::state::{Item, Kind, State};
use crate::sandbox::ci::outcome::OUTCOME;

/// 2026-01-05T09:00:00Z, as milliseconds since the epoch.
const SEEDED_AT_MS: i64 = 1_767_603_600_000;
/// Builds of `api`: more than a job shows unasked.
const MANY: usize = 120;

const CHOSEN: Definition = Definition::Choice {
    name: OUTCOME,
    choices: &OUTCOMES,
};
const CHOSEN_OF_PIPELINE: Definition = Definition::Choice {
    name: OUTCOME,
    choices: &OUTCOMES_OF_PIPELINE,
};
const BRANCH: Definition = Definition::Text {
    name: "BRANCH",
    default: "main",
};
/// Of a job that is deployed.
const DEPLOY: &[Definition] = &[
    BRANCH,
    ENVIRONMENT,
    DRY_RUN,
    Definition::Secret { name: "DEPLOY_KEY" },
    CHOSEN,
];
/// Of a Pipeline.
const PIPELINE: &[Definition] = &[BRANCH, CHOSEN_OF_PIPELINE];
/// Of a branch's job, which has its branch already.
const ON_BRANCH: &[Definition] = &[CHOSEN_OF_PIPELINE];

/// Kind, full name, parameters, builds.
const JOBS: [(Kind, &str, &[Definition], usize); 12] = [
    (Kind::FreeStyle, "a job with spaces & ünïcödé", &[], 1),
    (Kind::FreeStyle, "api", &[], MANY),
    (Kind::FreeStyle, "deploy", DEPLOY, Ending::ALL.len()),
    (Kind::FreeStyle, "disabled", &[], 1),
    (Kind::FreeStyle, "empty", &[], 0),
    (Kind::Folder, "team", &[], 0),
    (Kind::Folder, "team/backend", &[], 0),
    (Kind::FreeStyle, "team/backend/nightly", &[], 2),
    (Kind::Pipeline, "team/service", PIPELINE, 3),
    (Kind::Multibranch, "web", &[], 0),
    (Kind::Pipeline, "web/feature%2Flogin", ON_BRANCH, 1),
    (Kind::Pipeline, "web/main", ON_BRANCH, 2),
];

impl State {
    pub fn seeded(instance: &str, user: &str) -> Self {
        let mut state = Self::empty(instance);
        for (kind, full_name, parameters, builds) in JOBS {
            let mut item = Item::new(kind, full_name, format!("{full_name}, served by {instance}"));
            item.parameters = parameters;
            item.disabled = full_name == "disabled";
            for (ending, minute) in Ending::ALL.into_iter().cycle().zip(0..).take(builds) {
                let progress = Progress::over(ending, SEEDED_AT_MS + minute * 60_000);
                // What nobody gave fits whatever is defined.
                let parameters = fill(parameters, &[]).unwrap_or_default();
                item.begin(state.next_id(), user, parameters, progress);
            }
            state.items.insert(full_name.to_owned(), item);
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_has_the_folder_that_it_lies_in() {
        let state = State::seeded("one", "ada");
        assert_eq!(state.items.len(), JOBS.len());
        for name in state.items.keys() {
            let folder = name.rsplit_once('/').map(|(folder, _)| &state.items[folder]);
            assert!(folder.is_none_or(|folder| folder.kind.holds_jobs()), "{name}");
        }
        assert_eq!(state.children("team").len(), 2);
        assert_eq!(state.children("").len(), 7);
    }
}
