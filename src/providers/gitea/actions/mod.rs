//! Gitea Actions, and Forgejo's: workflow files, their runs, jobs, logs and artifacts.
//!
//! Invariant: a run is named by `owner/name#id`, the id being the server's own; the number that its page shows is another.

mod artifacts;
mod control;
mod convert;
mod jobs;
mod logs;
mod pages;
mod runs;
mod secrets;
mod standing;
mod trigger;
mod versions;
mod wire;
mod workflows;

use http::StatusCode;
use mosaic_actors::error::{Failure, Kind};

use super::Gitea;
use crate::catalogue::cicd;
use crate::providers::Handlers;
use crate::providers::ci::actions::Numbered;
use crate::providers::http::{Outgoing, Refusal};

pub use versions::lacks;

/// What Gitea Actions can do.
pub fn handlers(handlers: Handlers<Gitea>) -> Handlers<Gitea> {
    handlers
        .on::<cicd::PipelineList, _, _>(workflows::list)
        .on::<cicd::RunTrigger, _, _>(trigger::trigger)
        .on::<cicd::RunResolve, _, _>(trigger::resolve)
        .on::<cicd::RunList, _, _>(runs::list)
        .on::<cicd::RunGet, _, _>(standing::get)
        .on::<cicd::RunJobs, _, _>(jobs::list)
        .on::<cicd::RunWait, _, _>(standing::wait)
        .emulates::<cicd::RunWait>()
        .on::<cicd::RunRerun, _, _>(control::rerun)
        .on::<cicd::RunRerunFailed, _, _>(control::rerun_failed)
        .on::<cicd::RunDelete, _, _>(control::delete)
        .on::<cicd::LogGet, _, _>(logs::get)
        .stream::<cicd::LogFollow, _, _, _>(logs::follow)
        .emulates::<cicd::LogFollow>()
        .on::<cicd::ArtifactList, _, _>(artifacts::list)
        .raw::<cicd::ArtifactGet, _, _>(artifacts::get)
        .on::<cicd::SecretPut, _, _>(secrets::put)
}

/// The refusal of a file that the server has lost: up to 1.26.2 it calls that a fault of its own.
pub fn lost(refusal: &Refusal<'_>) -> Option<Failure> {
    let says = |words: &str| refusal.body.windows(words.len()).any(|part| part == words.as_bytes());
    let lost = says("no such file") || says("file does not exist");
    let sentence = "the server has lost the file (status 500)";
    (refusal.status == StatusCode::INTERNAL_SERVER_ERROR && lost).then(|| Failure::new(Kind::NotFound, sentence))
}

impl Gitea {
    /// A `GET` of what a run has below it.
    fn below(&self, run: &Numbered, rest: &[&str]) -> Result<Outgoing, Failure> {
        self.endpoint.get(&parts(run, &run.number(), rest))
    }
}

/// The path of a run, and of what is below it.
fn parts<'a>(run: &'a Numbered, number: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let begin = ["repos", &*run.owner, &*run.name, "actions", "runs", number];
    [&begin, rest].concat()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn ga5_a_file_that_the_server_has_lost_is_no_fault_that_passes() {
        for (status, body, gone) in [
            (500, r#"{"message": "open x.log.zst: no such file or directory"}"#, true),
            (500, "file does not exist", true),
            (500, "", false),
            (404, "file does not exist", false),
        ] {
            let refusal = Refusal {
                status: StatusCode::from_u16(status).expect("a status"),
                headers: &HeaderMap::new(),
                body: body.as_bytes(),
                sent: b"",
                method: &Method::GET,
                path: "/api/v1/repos/acme/api/actions/jobs/1/logs",
                now: Timestamp::UNIX_EPOCH,
            };
            let kind = lost(&refusal).map(|failure| failure.kind);
            assert_eq!(kind, gone.then_some(Kind::NotFound), "{status} {body}");
        }
    }
}
