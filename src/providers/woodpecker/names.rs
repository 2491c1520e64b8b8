//! How projects, runs and steps are named.
//!
//! Invariant: what is refused here was never sent, save a step that its run does not have.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use crate::catalogue::cicd::Step;

/// The step of this id, else the only one of this name.
pub fn find(mut steps: Vec<Step>, wanted: &str) -> Result<Step, Failure> {
    if let Some(at) = steps.iter().position(|step| step.id == wanted) {
        return Ok(steps.swap_remove(at));
    }
    steps.retain(|step| step.name == wanted);
    match steps.pop() {
        Some(step) if steps.is_empty() => Ok(step),
        Some(_) => {
            let sentence = "several steps of the run have this name; give the id of one, as the run lists them";
            Err(Failure::invalid("step", sentence))
        }
        None => {
            let mut failure = Failure::new(Kind::NotFound, "the run has no step of this id or name");
            failure.field = Some(Arc::from("step"));
            Err(failure)
        }
    }
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
        let step = |id: &str, name: &str| Step {
            id: id.to_owned(),
            name: name.to_owned(),
            group: None,
            status: RunStatus::Success,
            raw_status: "success".to_owned(),
            exit_code: None,
            started_at: None,
            finished_at: None,
        };
        let steps = || {
            vec![
                step("1", "clone"),
                step("2", "build"),
                step("3", "clone"),
                step("4", "2"),
            ]
        };
        let id = |wanted| find(steps(), wanted).map(|step| step.id);
        assert_eq!(id("3").unwrap(), "3");
        assert_eq!(id("build").unwrap(), "2");
        assert_eq!(id("2").unwrap(), "2", "an id goes before a name");
        let twice = id("clone").unwrap_err();
        assert_eq!((twice.kind, twice.field.as_deref()), (Kind::InvalidInput, Some("step")));
        assert_eq!(id("deploy").unwrap_err().kind, Kind::NotFound);
    }
}
