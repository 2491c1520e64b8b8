//! The request that says who shall see to an issue.
//!
//! Invariant: whoever GitLab passes over is told of.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::accounts;
use super::changes::changed;
use crate::catalogue::projects::{Issue, IssueAssign};
use crate::providers::gitlab::{GitLab, ids, wire};
use crate::providers::{Reply, Request, tracker};

/// What stands for nobody.
const NOBODY: u64 = 0;

pub async fn assign(gitlab: Arc<GitLab>, request: Request<IssueAssign>) -> Result<Reply<Issue>, Failure> {
    let (path, iid) = ids::issue("issue", &request.native)?;
    let asked = gitlab.directory.accounts(&request.input.assignees);
    let mut assignees = accounts::numbers(&gitlab, &asked).await?;
    if assignees.is_empty() {
        assignees.push(NOBODY);
    }
    let change = wire::IssueChange {
        assignee_ids: Some(assignees),
        ..wire::IssueChange::default()
    };
    let reply = changed(&gitlab, path, &iid, &request, &change).await?;
    let people = reply.value.assignees.iter().filter_map(|its| its.login.as_deref());
    let people: Vec<&str> = people.collect();
    let mut odd = tracker::lacking(asked.iter().copied(), &people);
    odd.extend(tracker::lacking(people.iter().copied(), &asked));
    match !odd.is_empty() {
        true => {
            let why = "whom GitLab passes over: without a right to the project, or more than the one whom it takes \
                       without a licence for more";
            let sentence = tracker::strangers(&odd, why);
            let mut failure = Failure::new(Kind::InvalidInput, sentence).by(&request.instance);
            failure.field = Some("assignees".into());
            Err(failure)
        }
        false => Ok(reply),
    }
}
