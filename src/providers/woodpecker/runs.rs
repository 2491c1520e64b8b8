//! The requests that read runs and start them.
//!
//! Invariant: an input that Woodpecker cannot be asked is refused before anything is sent, naming the field.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use url::form_urlencoded::{Serializer, parse};

use super::names::{self, numbered};
use super::{Woodpecker, blaming, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::cicd::{
    Job, Run, RunGet, RunJobs, RunList, RunListInput, RunStatus, RunTrigger, RunWait, TriggerOutcome, Triggered, Waited,
};
use crate::providers::ci::{self, Look};
use crate::providers::http::pages::{Numbered, NumberedPage};
use crate::providers::http::{Received, Row, behind};
use crate::providers::{Reply, Request};

/// Woodpecker silently answers with 50 rows where it is asked for more.
pub const ROWS: Numbered = Numbered {
    page: "page",
    size: "perPage",
    default: 50,
    most: 50,
};

/// Pages of branches that are looked through.
const BRANCH_PAGES: u32 = 20;

/// What runs are to be listed. It stands in our words in the query of a cursor, since some of them are none of
/// Woodpecker's, and version 2 knows none at all: what comes is held to them once more.
#[derive(Default)]
struct Filter {
    branch: Option<String>,
    /// Several are separated by commas.
    event: Option<String>,
    status: Option<RunStatus>,
}

impl Filter {
    fn page(request: &Request<RunList>) -> Result<NumberedPage, Failure> {
        let RunListInput {
            branch, status, event, ..
        } = &*request.input;
        let status = status.map(convert::status_name);
        let pairs = [
            ("branch", branch.as_deref()),
            ("event", event.as_deref()),
            ("status", status),
        ];
        let pairs: Vec<_> = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        ROWS.page(&pairs, request.limit(), request.cursor())
    }

    fn of(page: &NumberedPage) -> Self {
        let mut filter = Filter::default();
        for (name, value) in parse(page.query.as_bytes()) {
            match &*name {
                "branch" => filter.branch = Some(value.into_owned()),
                "event" => filter.event = Some(value.into_owned()),
                "status" => filter.status = convert::status_named(&value),
                _ => {}
            }
        }
        filter
    }

    /// The query in Woodpecker's words.
    fn query(&self, page: &NumberedPage) -> String {
        let pairs = parse(page.query.as_bytes()).filter(|(name, _)| name != "status");
        let word = self.status.and_then(convert::only_word);
        Serializer::new(String::new())
            .extend_pairs(word.map(|word| ("status", word)))
            .extend_pairs(pairs)
            .finish()
    }

    fn takes(&self, run: &wire::Pipeline) -> bool {
        self.branch.as_ref().is_none_or(|branch| *branch == run.branch)
            && self
                .event
                .as_ref()
                .is_none_or(|events| events.split(',').any(|event| event.trim() == run.event))
            && self.status.is_none_or(|status| status == convert::status(&run.status))
    }
}

pub async fn run_list(woodpecker: Arc<Woodpecker>, request: Request<RunList>) -> Result<Reply<Page<Run>>, Failure> {
    let project = names::project("project", &request.native)?;
    one_pipeline(request.input.pipeline.as_deref())?;
    let page = Filter::page(&request)?;
    let filter = Filter::of(&page);
    let received = woodpecker
        .in_repo(project, |id| {
            let outgoing = woodpecker.endpoint.get(&["repos", id, "pipelines"])?;
            Ok(outgoing.continued(&filter.query(&page)))
        })
        .await
        .map_err(|failure| match filter.event {
            // Of all that is asked for, only the events are the caller's own words.
            Some(_) => blaming(failure, "event", "event is none that Woodpecker knows"),
            None => failure,
        })?;
    let rows = received.rows::<wire::Pipeline>(request.include_raw)?;
    // Nothing but a short page tells that it is the last.
    let next = (rows.len() as u64 + u64::from(received.skipped()) >= page.size).then(|| ROWS.after(&page));
    let items = rows
        .into_iter()
        .filter(|row| filter.takes(&row.wire))
        .map(|row| convert::run(&request.instance, project, row));
    Ok(received.reply(Page::new(items.collect(), next)))
}

/// A project is one pipeline here.
fn one_pipeline(asked: Option<&str>) -> Result<(), Failure> {
    match asked {
        None => Ok(()),
        Some(_) => {
            let sentence = "this provider has one pipeline for each project, which has no name of its own";
            Err(Failure::unsupported_field("pipeline", sentence).never_sent())
        }
    }
}

pub async fn run_get(woodpecker: Arc<Woodpecker>, request: Request<RunGet>) -> Result<Reply<Run>, Failure> {
    let (project, number) = numbered(&request.native)?;
    let received = pipeline(&woodpecker, project, number).await?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::run(&request.instance, project, row)))
}

pub async fn run_wait(woodpecker: Arc<Woodpecker>, request: Request<RunWait>) -> Result<Reply<Waited>, Failure> {
    let (project, number) = numbered(&request.native)?;
    let look = || async {
        let received = pipeline(&woodpecker, project, number).await?;
        let row: Row<wire::Pipeline> = received.row(request.include_raw)?;
        Ok(Look {
            ended: convert::at_rest(&row.wire),
            reply: received.reply(convert::run(&request.instance, project, row)),
        })
    };
    ci::wait(&request, look).await
}

pub async fn run_jobs(woodpecker: Arc<Woodpecker>, request: Request<RunJobs>) -> Result<Reply<Page<Job>>, Failure> {
    let (project, number) = numbered(&request.native)?;
    let page = ROWS.page(&[], request.limit(), request.cursor())?;
    let received = pipeline(&woodpecker, project, number).await?;
    let workflows = received.json::<wire::Workflows>()?.workflows.unwrap_or_default();
    let rows = received.rows_of::<wire::Workflow>(&workflows, request.include_raw)?;
    let jobs = rows.into_iter().map(convert::job).collect();
    Ok(received.reply(ci::part(jobs, &ROWS, &page)))
}

pub async fn run_trigger(
    woodpecker: Arc<Woodpecker>,
    request: Request<RunTrigger>,
) -> Result<Reply<Triggered>, Failure> {
    let project = names::project("project", &request.native)?;
    one_pipeline(request.input.pipeline.as_deref())?;
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
    let make = woodpecker.in_repo(project, |id| {
        woodpecker.endpoint.post(&["repos", id, "pipelines"], &options)
    });
    match make.await {
        Ok(received) => triggered(&received, &request, project),
        Err(failure) => Err(refused(&woodpecker, &request.instance, project, &branch, failure).await),
    }
}

/// Of a branch that is not there, Woodpecker says only that it has failed.
async fn refused(
    woodpecker: &Woodpecker,
    instance: &Arc<str>,
    project: &str,
    branch: &str,
    failure: Failure,
) -> Failure {
    if failure.kind != Kind::UpstreamFailed || failure.unreadable {
        return failure;
    }
    match behind(instance, has_branch(woodpecker, project, branch))
        .await
        .flatten()
    {
        Some(true) => failure,
        Some(false) => {
            let mut missing = Failure::new(Kind::NotFound, "the project has no such branch").by(instance);
            missing.field = Some(Arc::from("branch"));
            missing
        }
        None => failure.also("Woodpecker answers so as well where the branch is not there"),
    }
}

/// Whether a project has this branch; none where it has too many to look through.
async fn has_branch(woodpecker: &Woodpecker, project: &str, branch: &str) -> Result<Option<bool>, Failure> {
    for page in 1..=BRANCH_PAGES {
        let ask = |id: &str| {
            let outgoing = woodpecker.endpoint.get(&["repos", id, "branches"])?;
            let outgoing = outgoing.query(ROWS.page, page.to_string());
            Ok(outgoing.query(ROWS.size, ROWS.most.to_string()))
        };
        let received = woodpecker.in_repo(project, ask).await?;
        let names: Vec<String> = received.json::<Option<_>>()?.unwrap_or_default();
        // A short page is not always the last: it is the forge behind Woodpecker that cuts them.
        if names.is_empty() {
            return Ok(Some(false));
        }
        if names.iter().any(|name| name == branch) {
            return Ok(Some(true));
        }
    }
    Ok(None)
}

/// What became of a trigger or a restart.
pub fn triggered<O: crate::catalogue::op::Op>(
    received: &Received,
    request: &Request<O>,
    project: &str,
) -> Result<Reply<Triggered>, Failure> {
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

pub async fn pipeline(woodpecker: &Woodpecker, project: &str, number: u64) -> Result<Received, Failure> {
    let ask = |id: &str| {
        woodpecker
            .endpoint
            .get(&["repos", id, "pipelines", &number.to_string()])
    };
    woodpecker.in_repo(project, ask).await
}
