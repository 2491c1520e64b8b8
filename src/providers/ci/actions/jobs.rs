//! Which job a log is asked for of, and what it means that there is none.
//!
//! Invariant: a log that is not there is told as empty only where its job wrote none.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::line;
use super::names::{Numbered, id};
use crate::catalogue::cicd::{Job, Log, LogGet, RunStatus, Step};
use crate::providers::ci::{self, Held, held};
use crate::providers::http::Pieces;
use crate::providers::{Reply, Request};

/// The id of a step of a job: within the run, the job's goes before it.
pub fn step_id(job: u64, number: u64) -> String {
    format!("{job}.{number}")
}

/// The job that `wanted` is the id of, or that holds the step of this id.
pub fn found(wanted: &str) -> Option<u64> {
    let (job, step) = wanted.split_once('.').unwrap_or((wanted, "0"));
    step.parse::<u64>().ok().and(job.parse().ok())
}

/// The only job of the name `wanted`; without one the only job that there is.
///
/// # Errors
/// `invalid_input` or `not_found` on `step`.
pub fn pick(mut jobs: Vec<Job>, wanted: Option<&str>) -> Result<Job, Failure> {
    let all = named(&jobs);
    if let Some(wanted) = wanted {
        jobs.retain(|job| job.id == wanted || job.name == wanted);
        // An id goes before a name.
        if let Some(at) = jobs.iter().position(|job| job.id == wanted) {
            return Ok(jobs.swap_remove(at));
        }
    }
    match (jobs.pop(), wanted) {
        (Some(job), _) if jobs.is_empty() => Ok(job),
        (Some(job), Some(_)) => {
            jobs.push(job);
            let sentence = format!(
                "several jobs of the run have this name; step must be the id of one: {}",
                named(&jobs)
            );
            Err(Failure::invalid("step", sentence))
        }
        (Some(_), None) => {
            let sentence = format!(
                "step is required: this provider keeps a log for each job; cicd.run.jobs lists those of the run: {all}"
            );
            Err(Failure::invalid("step", sentence))
        }
        (None, Some(_)) => Err(no_job(&match &*all {
            "" => "the run has no job yet, and so none of this id or name".to_owned(),
            all => format!("the run has no job of this id or name; cicd.run.jobs lists those that it has: {all}"),
        })),
        (None, None) => Err(Failure::new(Kind::NotFound, "the run has no job yet, and so no log")),
    }
}

/// The ids of jobs, each with its name.
fn named(jobs: &[Job]) -> String {
    ci::listed(jobs.iter().map(|job| format!("{} ({})", job.id, ci::shown(&job.name))))
}

/// The failure of a job that is not there.
pub fn no_job(sentence: &str) -> Failure {
    let mut failure = Failure::new(Kind::NotFound, sentence);
    failure.field = Some(Arc::from("step"));
    failure
}

/// A job as what its log is the log of.
fn step(job: &Job) -> Step {
    Step {
        id: job.id.clone(),
        name: job.name.clone(),
        group: None,
        status: job.status,
        raw_status: job.raw_status.clone(),
        exit_code: None,
        started_at: job.started_at.clone(),
        finished_at: job.finished_at.clone(),
    }
}

/// The log of a job, as much as one answer holds of it, or what it means that there is none.
///
/// # Errors
/// That of `text`, or as [`missing`].
pub async fn log(
    request: &Request<LogGet>,
    run: &Numbered,
    job: &Job,
    text: Result<Reply<Pieces>, Failure>,
) -> Result<Reply<Log>, Failure> {
    let run = id(&request.instance, &run.project, run.id);
    match text {
        Ok(text) => {
            let held = held(text.value, request.input.after, line).await?;
            Ok(Reply {
                value: held.log(run, Some(step(job))),
                upstream_request_id: text.upstream_request_id,
                skipped: 0,
            })
        }
        Err(failure) if failure.kind == Kind::NotFound => {
            missing(job.status).map_err(|failure| failure.by(&request.instance))?;
            Ok(Reply::of(Held::default().log(run, Some(step(job)))))
        }
        Err(failure) => Err(failure),
    }
}

/// What it means that the log of a job that stands so is not there: it wrote none, or this failure.
///
/// # Errors
/// `conflict` where it is still to come, `not_found` where it was there.
pub fn missing(status: RunStatus) -> Result<(), Failure> {
    match status {
        status if !status.has_ended() => {
            let sentence = "the log is not ready: the job has not ended yet";
            Err(Failure::new(Kind::Conflict, sentence))
        }
        RunStatus::Cancelled | RunStatus::Skipped => Ok(()),
        _ => Err(Failure::new(
            Kind::NotFound,
            "the provider keeps the log of this job no more",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(id: &str, name: &str) -> Job {
        serde_json::from_value(json!({"id": id, "name": name, "status": "success", "raw_status": "success"}))
            .expect("a job")
    }

    #[test]
    fn a_job_is_found_by_id_by_a_name_of_its_own_or_alone() {
        let jobs = || vec![job("1", "build"), job("2", "test"), job("3", "test"), job("4", "2")];
        let id = |wanted| pick(jobs(), wanted).map(|job| job.id);
        assert_eq!(id(Some("build")).unwrap(), "1");
        assert_eq!(id(Some("2")).unwrap(), "2", "an id goes before a name");
        for (wanted, kind) in [
            (Some("test"), Kind::InvalidInput),
            (Some("lint"), Kind::NotFound),
            (None, Kind::InvalidInput),
        ] {
            let failure = id(wanted).unwrap_err();
            assert_eq!(
                (failure.kind, failure.field.as_deref()),
                (kind, Some("step")),
                "{wanted:?}"
            );
        }
        // Which there are is told, whatever is wrong.
        for (wanted, told) in [
            (Some("test"), "2 (test), 3 (test)"),
            (Some("lint"), "1 (build), 2 (test), 3 (test), 4 (2)"),
            (None, "1 (build), 2 (test), 3 (test), 4 (2)"),
        ] {
            let failure = id(wanted).unwrap_err();
            assert!(failure.message().ends_with(told), "{failure}");
        }
        assert_eq!(pick(vec![job("9", "only")], None).unwrap().id, "9");
        assert_eq!(pick(vec![], None).unwrap_err().kind, Kind::NotFound);
    }

    #[test]
    fn a_steps_id_leads_to_its_job() {
        assert_eq!(found(&step_id(12, 3)), Some(12));
        assert_eq!(found("12"), Some(12));
        for name in ["build", "12.x", "v1.2", "", "1.2.3"] {
            assert_eq!(found(name), None, "{name}");
        }
    }

    #[test]
    fn ha4_a_missing_log_has_three_reasons() {
        assert_eq!(missing(RunStatus::Running).unwrap_err().kind, Kind::Conflict);
        assert_eq!(missing(RunStatus::Blocked).unwrap_err().kind, Kind::Conflict);
        assert!(missing(RunStatus::Cancelled).is_ok() && missing(RunStatus::Skipped).is_ok());
        assert_eq!(missing(RunStatus::Success).unwrap_err().kind, Kind::NotFound);
    }
}
