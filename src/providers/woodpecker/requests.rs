//! The requests that serve each operation.
//!
//! Invariant: an input that Woodpecker cannot be asked is refused before anything is sent, naming the field.

use std::sync::Arc;

use jiff::Timestamp;
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};

use super::{Woodpecker, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Log, LogGet, Run, RunGet, RunList, RunTrigger, Step, TriggerOutcome, Triggered};
use crate::providers::http::Received;
use crate::providers::http::pages::Numbered;
use crate::providers::{Reply, Request};

/// Woodpecker silently answers with 50 rows where it is asked for more.
const RUNS: Numbered = Numbered {
    page: "page",
    size: "perPage",
    default: 50,
    most: 50,
};

pub async fn run_list(woodpecker: Arc<Woodpecker>, request: Request<RunList>) -> Result<Reply<Page<Run>>, Failure> {
    let project = project("project", &request.native)?;
    let input = &request.input;
    let filters: Vec<_> = input.branch.iter().map(|branch| ("branch", &**branch)).collect();
    let page = RUNS.page(&filters, request.limit(), request.cursor())?;
    let received = woodpecker
        .in_repo(project, |id| {
            let outgoing = woodpecker.endpoint.get(&["repos", id, "pipelines"])?;
            Ok(outgoing.continued(&page.query))
        })
        .await?;
    let rows = received.rows::<wire::Pipeline>(request.include_raw)?;
    // Nothing but a short page tells that it is the last.
    let next = (rows.len() as u64 + u64::from(received.skipped()) >= page.size).then(|| RUNS.after(&page));
    let items = rows
        .into_iter()
        .map(|row| convert::run(&request.instance, project, row));
    Ok(received.reply(Page::new(items.collect(), next)))
}

pub async fn run_get(woodpecker: Arc<Woodpecker>, request: Request<RunGet>) -> Result<Reply<Run>, Failure> {
    let (project, number) = numbered(&request.native)?;
    let received = pipeline(&woodpecker, project, number).await?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::run(&request.instance, project, row)))
}

pub async fn run_trigger(
    woodpecker: Arc<Woodpecker>,
    request: Request<RunTrigger>,
) -> Result<Reply<Triggered>, Failure> {
    let project = project("project", &request.native)?;
    let branch = match &request.input.branch {
        Some(branch) => branch.to_string(),
        // Asked each time: a default branch changes without notice, and a run on the wrong one is worse than a look-up.
        None => woodpecker.look_up(project).await?.default_branch,
    };
    if branch.is_empty() {
        return Err(Failure::invalid("branch", "branch is required: the project names no default branch").never_sent());
    }
    let options = wire::PipelineOptions {
        branch: &branch,
        variables: &request.input.variables,
    };
    let received = woodpecker
        .in_repo(project, |id| {
            woodpecker.endpoint.post(&["repos", id, "pipelines"], &options)
        })
        .await?;
    // 204: the project's configuration has nothing to run for this branch and event.
    if received.bytes().is_empty() {
        return Ok(received.reply(Triggered {
            outcome: TriggerOutcome::Filtered,
            run: None,
            pending: None,
        }));
    }
    let row = received.row(request.include_raw)?;
    Ok(received.reply(Triggered {
        outcome: TriggerOutcome::Started,
        run: Some(convert::run(&request.instance, project, row)),
        pending: None,
    }))
}

/// A step's log. The run is read first: it tells which step is meant, and when it began.
pub async fn log_get(woodpecker: Arc<Woodpecker>, request: Request<LogGet>) -> Result<Reply<Log>, Failure> {
    let (project, number) = numbered(&request.native)?;
    let Some(wanted) = request.input.step.as_deref() else {
        let sentence = "step is required: this provider keeps a log for each step";
        return Err(Failure::invalid("step", sentence).never_sent());
    };
    let received = pipeline(&woodpecker, project, number).await?;
    let workflows = received.json::<wire::Pipeline>()?.workflows.unwrap_or_default();
    let step = find(convert::steps(workflows), wanted).map_err(|failure| failure.by(&request.instance))?;
    let received = woodpecker
        .in_repo(project, |id| {
            woodpecker
                .endpoint
                .get(&["repos", id, "logs", &number.to_string(), &step.id])
        })
        .await?;
    let began = step
        .started_at
        .as_deref()
        .and_then(|text| text.parse::<Timestamp>().ok());
    let rows = received.rows::<wire::LogEntry>(false)?;
    let (some, mut lines) = (!rows.is_empty(), vec![]);
    for row in rows {
        match convert::line(began, row.wire) {
            Some(line) => lines.push(line),
            None => received.skip("a line of the log is not base64"),
        }
    }
    if some && lines.is_empty() {
        return Err(received.unusable("no line of the log is base64"));
    }
    Ok(received.reply(Log {
        run: Resource::neutral_id(&request.instance, &request.native),
        step: Some(step),
        lines,
        raw: request.include_raw.then(|| received.raw()).transpose()?,
    }))
}

async fn pipeline(woodpecker: &Woodpecker, project: &str, number: u64) -> Result<Received, Failure> {
    let ask = |id: &str| {
        woodpecker
            .endpoint
            .get(&["repos", id, "pipelines", &number.to_string()])
    };
    woodpecker.in_repo(project, ask).await
}

/// The step of this id, else the only one of this name.
fn find(mut steps: Vec<Step>, wanted: &str) -> Result<Step, Failure> {
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
fn project<'a>(field: &str, path: &'a str) -> Result<&'a str, Failure> {
    let sound = |part: &str| !matches!(part, "" | "." | "..");
    if path.contains('/') && path.split('/').all(sound) {
        Ok(path)
    } else {
        Err(Failure::invalid(field, format!("{field} must be written as owner/name")).never_sent())
    }
}

/// `owner/name#number`.
fn numbered(text: &str) -> Result<(&str, u64), Failure> {
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
