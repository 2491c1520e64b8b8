//! The requests that say who shall see to an issue.
//!
//! Invariant: whoever GitHub passes over is told of, and nobody is taken away before those who shall be there are.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::issues;
use crate::catalogue::projects::{Issue, IssueAssign};
use crate::providers::github::lookup::{Numbered, named};
use crate::providers::github::{GitHub, convert, wire};
use crate::providers::http::{Received, Row};
use crate::providers::{Provider, Reply, Request, forge, tracker};

/// An answer, and the issue in it.
type Found = (Received, Row<wire::Issue>);

pub async fn assign(github: Arc<GitHub>, request: Request<IssueAssign>) -> Result<Reply<Issue>, Failure> {
    let issue = Numbered::of("issue", &request.native)?;
    let asked = github.directory.accounts(&request.input.assignees);
    let mut found = issues::one(&github, &issue, request.include_raw)
        .await
        .map_err(Failure::never_sent)?;
    let changed = |method: Method, accounts: Vec<String>| {
        let (github, issue) = (&github, &issue);
        async move { change(github, issue, method, &accounts, request.include_raw).await }
    };
    let missing = tracker::lacking(asked.iter().copied(), &logins(&found));
    if !missing.is_empty() {
        // Others would be assigned by the request that passes over whom the directory has wrong.
        let led = missing.into_iter().filter(|account| github.directory.leads_to(account));
        for account in led.collect::<Vec<&str>>() {
            if !github.has_account(account).await.map_err(Failure::never_sent)? {
                let sentence = tracker::strangers(&[account], "who has no account there");
                return Err(named(found.0.failure(Kind::InvalidInput, &sentence), "assignees").never_sent());
            }
        }
        // GitHub may not find for this what it has just made (H16).
        let accounts = || asked.iter().map(|account| (*account).to_owned()).collect();
        found = forge::once_found(|| changed(Method::POST, accounts())).await?;
    }
    if tracker::lacks(asked.iter().copied(), &logins(&found)) {
        let why = "whom GitHub passes over: without an account there or a right to the project, or more than ten \
                   people, or the right to assign is lacking";
        let sentence = tracker::strangers(&tracker::lacking(asked.iter().copied(), &logins(&found)), why);
        return Err(named(found.0.failure(Kind::InvalidInput, &sentence), "assignees"));
    }
    let wanted = |login: &String| asked.iter().any(|account| account.eq_ignore_ascii_case(login));
    let spare: Vec<String> = logins(&found).into_iter().filter(|login| !wanted(login)).collect();
    if !spare.is_empty() {
        found = changed(Method::DELETE, spare).await?;
        if !logins(&found).iter().all(wanted) {
            let sentence = "assignees cannot be changed there: the right to do so is lacking";
            return Err(named(found.0.failure(Kind::Forbidden, sentence), "assignees"));
        }
    }
    let (received, row) = found;
    Ok(received.reply(convert::issue(&request.instance, issue.path, row)))
}

/// Adds people, or takes them away.
async fn change(
    github: &GitHub,
    issue: &Numbered<'_>,
    method: Method,
    accounts: &[String],
    include_raw: bool,
) -> Result<Found, Failure> {
    let body = wire::Assignees { assignees: accounts };
    let outgoing = github
        .endpoint
        .with_json(method, &issue.parts("issues", &["assignees"]), &body)?;
    let received = github.endpoint.send(outgoing).await?;
    let row = received.row(include_raw)?;
    Ok((received, row))
}

fn logins((_, row): &Found) -> Vec<String> {
    let people = row.wire.assignees.iter().flatten();
    people.map(|person| person.login.clone()).collect()
}
