//! How projects, runs and steps are named.
//!
//! Invariant: what is refused here was never sent, save a step that its run does not have.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use crate::catalogue::cicd::Step;
use crate::providers::ci;

/// The steps of a job, and the job's id.
pub type Steps = (String, Vec<Step>);

/// The step that is meant: of this id, else of this job and id, `JOB/STEP`, else the only one of this name, else the only one
/// of the job of this id or name; where none is named the only one that there is. Jobs and steps are numbered apart: an id that
/// is a step's and another job's means neither.
///
/// # Errors
/// `invalid_input` or `not_found` on `step`, with the steps that there are.
pub fn find(jobs: Vec<Steps>, wanted: Option<&str>) -> Result<Step, Failure> {
    let of_job = |(id, steps): &Steps| {
        let named = |step: &Step| step.group.as_deref() == wanted;
        Some(&**id) == wanted || !steps.is_empty() && steps.iter().all(named)
    };
    let whole = jobs.iter().find(|job| of_job(job)).map(|(_, steps)| steps.clone());
    let twice = wanted.and_then(|wanted| of_two(&jobs, wanted));
    let placed = wanted.and_then(|wanted| placed(&jobs, wanted));
    let mut steps: Vec<Step> = jobs.into_iter().flat_map(|(_, steps)| steps).collect();
    let all = listed(&steps);
    let Some(wanted) = wanted else {
        let sentence = format!(
            "step is required: this provider keeps a log for each step; cicd.run.jobs lists those of the run: {all}"
        );
        return only(steps, &sentence).unwrap_or_else(|| Err(Failure::new(Kind::NotFound, "the run has no step yet")));
    };
    if let Some(twice) = twice {
        return Err(Failure::invalid("step", twice));
    }
    if let Some(at) = steps.iter().position(|step| step.id == wanted) {
        return Ok(steps.swap_remove(at));
    }
    if let Some(step) = placed {
        return Ok(step);
    }
    steps.retain(|step| step.name == wanted);
    let several = format!(
        "several steps of the run have this name; step must be the id of one: {}",
        listed(&steps)
    );
    let whole = whole.unwrap_or_default();
    let of_whole = format!(
        "step is a job of several steps, each with a log; it must be one of them: {}",
        listed(&whole)
    );
    only(steps, &several)
        .or_else(|| only(whole, &of_whole))
        .unwrap_or_else(|| {
            let mut failure = Failure::new(
                Kind::NotFound,
                match &*all {
                    "" => "the run has no step yet".to_owned(),
                    all => {
                        format!("the run has no step of this id or name; cicd.run.jobs lists those that it has: {all}")
                    }
                },
            );
            failure.field = Some(Arc::from("step"));
            Err(failure)
        })
}

/// The step of this id once more, which was found before: no job is meant by it.
///
/// # Errors
/// As [`find`], where it is gone.
pub fn again(mut jobs: Vec<Steps>, id: &str) -> Result<Step, Failure> {
    jobs.iter_mut().for_each(|(job, _)| job.clear());
    find(jobs, Some(id))
}

/// What is wrong with an id that is a step's, and that of a job which the step is not of.
fn of_two(jobs: &[Steps], wanted: &str) -> Option<String> {
    let has = |steps: &[Step]| steps.iter().any(|step| step.id == wanted);
    let (own, _) = jobs.iter().find(|(_, steps)| has(steps))?;
    let (other, steps) = jobs.iter().find(|(id, _)| id == wanted && id != own)?;
    let places = [format!("{own}/{wanted}")].into_iter();
    let places = places.chain(steps.iter().map(|step| format!("{other}/{}", step.id)));
    Some(format!(
        "step is the id of a step and of another job; say JOB/STEP, one of {}",
        ci::listed(places)
    ))
}

/// The step that is written as `JOB/STEP`, by their ids.
fn placed(jobs: &[Steps], wanted: &str) -> Option<Step> {
    let (job, id) = wanted.split_once('/')?;
    let (_, steps) = jobs.iter().find(|(its, _)| its == job)?;
    steps.iter().find(|step| step.id == id).cloned()
}

/// The only one of these, or the fault that there are `several`.
fn only(mut steps: Vec<Step>, several: &str) -> Option<Result<Step, Failure>> {
    let step = steps.pop()?;
    Some(match steps.is_empty() {
        true => Ok(step),
        false => Err(Failure::invalid("step", several)),
    })
}

/// The ids of steps, each with its name.
fn listed(steps: &[Step]) -> String {
    ci::listed(
        steps
            .iter()
            .map(|step| format!("{} ({})", step.id, ci::shown(&step.name))),
    )
}

/// `owner/name`; some forges nest owners.
pub fn project<'a>(field: &str, path: &'a str) -> Result<&'a str, Failure> {
    let sound = |part: &str| !matches!(part, "" | "." | "..");
    if path.contains('/') && path.split('/').all(sound) {
        Ok(path)
    } else {
        Err(Failure::invalid(field, format!("{field} must be written as owner/name")).never_sent())
    }
}

/// `owner/name#number`.
pub fn numbered(text: &str) -> Result<(&str, u64), Failure> {
    let wrong = || Failure::invalid("run", "run must be written as owner/name#number").never_sent();
    let (path, number) = text.rsplit_once('#').ok_or_else(wrong)?;
    let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    Ok((project("run", path).map_err(|_| wrong())?, number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::cicd::RunStatus;

    #[test]
    fn projects_and_runs_are_named_exactly() {
        assert_eq!(numbered("acme/api#7").unwrap(), ("acme/api", 7));
        assert_eq!(numbered("acme/team/api#7").unwrap(), ("acme/team/api", 7));
        for odd in [
            "acme/api",
            "acme#7",
            "acme/api#",
            "acme/api#0",
            "acme/../api#7",
            "acme//api#7",
            "#",
            "",
        ] {
            assert_eq!(numbered(odd).unwrap_err().field.as_deref(), Some("run"), "{odd}");
        }
        assert_eq!(
            project("project", "acme").unwrap_err().field.as_deref(),
            Some("project")
        );
    }

    #[test]
    fn a_step_is_found_by_id_or_by_a_name_of_its_own() {
        let step = |id: &str, name: &str, group: &str| Step {
            id: id.to_owned(),
            name: name.to_owned(),
            group: Some(group.to_owned()),
            status: RunStatus::Success,
            raw_status: "success".to_owned(),
            exit_code: None,
            started_at: None,
            finished_at: None,
        };
        let jobs = || {
            let build = vec![step("1", "clone", "ci"), step("2", "build", "ci")];
            let checks = vec![step("3", "clone", "checks"), step("4", "2", "checks")];
            vec![
                ("91".to_owned(), build),
                ("92".to_owned(), checks),
                ("93".to_owned(), vec![step("5", "ship", "deploy")]),
            ]
        };
        let id = |wanted| find(jobs(), Some(wanted)).map(|step| step.id);
        assert_eq!(id("3").unwrap(), "3");
        assert_eq!(id("build").unwrap(), "2");
        assert_eq!(id("2").unwrap(), "2", "an id goes before a name");
        assert_eq!(id("92/4").unwrap(), "4");
        assert_eq!(id("91/4").unwrap_err().kind, Kind::NotFound);
        let twice = id("clone").unwrap_err();
        assert_eq!((twice.kind, twice.field.as_deref()), (Kind::InvalidInput, Some("step")));
        assert!(twice.message().ends_with(": 1 (clone), 3 (clone)"), "{twice}");
        let all = "cicd.run.jobs lists those that it has: 1 (clone), 2 (build), 3 (clone), 4 (2), 5 (ship)";
        let none = id("release").unwrap_err();
        assert!(none.kind == Kind::NotFound && none.message().ends_with(all), "{none}");
        // A job's id and name lead to its step where it has one alone.
        assert_eq!((&*id("93").unwrap(), &*id("deploy").unwrap()), ("5", "5"));
        for job in ["91", "ci"] {
            let failure = id(job).unwrap_err();
            assert_eq!(
                (failure.kind, failure.field.as_deref()),
                (Kind::InvalidInput, Some("step"))
            );
            assert!(failure.message().ends_with(": 1 (clone), 2 (build)"), "{failure}");
        }
        assert_eq!(find(jobs(), None).unwrap_err().field.as_deref(), Some("step"));
        assert_eq!(find(jobs().split_off(2), None).unwrap().id, "5");
        assert_eq!(find(vec![], None).unwrap_err().kind, Kind::NotFound);
        // Jobs and steps are numbered apart: this is the first job's second step, and the second job.
        let alike = || {
            let mut jobs = jobs();
            jobs[1].0 = "2".to_owned();
            jobs
        };
        let failure = find(alike(), Some("2")).unwrap_err();
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (Kind::InvalidInput, Some("step"))
        );
        assert!(failure.message().ends_with("one of 91/2, 2/3, 2/4"), "{failure}");
        for (place, step) in [("91/2", "2"), ("2/3", "3"), ("build", "2")] {
            assert_eq!(find(alike(), Some(place)).unwrap().id, step);
        }
        assert_eq!(again(alike(), "2").unwrap().id, "2");
        let mut own = jobs();
        own[0].0 = "2".to_owned();
        assert_eq!(find(own, Some("2")).unwrap().id, "2", "both are of one job");
    }
}
