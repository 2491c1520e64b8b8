//! The requests that change an issue.
//!
//! Invariant: an issue is read before it is written: Gitea takes the number of a pull request for one.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};
use serde_json::json;

use super::issues::one;
use crate::catalogue::op::Op;
use crate::catalogue::outcome::Deleted;
use crate::catalogue::projects::{
    Clearable, Issue, IssueAssign, IssueClose, IssueDelete, IssueLock, IssueLocked, IssueReopen, IssueUpdate,
};
use crate::providers::gitea::lookup::{Place, numbered};
use crate::providers::gitea::refusal::{Says, blaming, instead, is, told};
use crate::providers::gitea::{Gitea, convert, wire};
use crate::providers::{Reply, Request, forge, tracker};

/// An issue, as a request names it.
struct At<'a> {
    path: &'a str,
    place: Place<'a>,
    number: String,
}

impl<'a> At<'a> {
    fn of(native: &'a str) -> Result<Self, Failure> {
        let (path, place, number) = numbered("issue", native)?;
        Ok(At { path, place, number })
    }

    fn parts(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let (owner, name) = self.place;
        let mut parts = vec!["repos", owner, name, "issues", &self.number];
        parts.extend(rest);
        parts
    }
}

/// Changes an issue, and answers with it.
async fn patched<O: Op<Output = Issue>>(
    gitea: &Gitea,
    at: &At<'_>,
    request: &Request<O>,
    patch: &wire::IssuePatch<'_>,
) -> Result<Reply<Issue>, Failure> {
    let outgoing = gitea.endpoint.patch(&at.parts(&[]), patch)?;
    let convert = |instance: &Arc<str>, row| convert::issue(instance, at.path, row);
    gitea.endpoint.answer(outgoing, request, convert).await
}

pub async fn update(gitea: Arc<Gitea>, request: Request<IssueUpdate>) -> Result<Reply<Issue>, Failure> {
    let at = At::of(&request.native)?;
    let input = &request.input;
    let set = forge::milestone(input.milestone.as_ref())?;
    let clears = |what| input.clear.contains(&what);
    let before = one(&gitea, at.place, &at.number, false).await;
    let (received, row) = before.map_err(Failure::never_sent)?;
    tracker::unchanged(
        &received,
        input.if_match.as_deref(),
        row.wire.updated_at.text().as_deref(),
    )?;
    let patch = wire::IssuePatch {
        title: input.title.as_deref(),
        body: input.body.as_deref(),
        // None is called 0 (GT27).
        milestone: set.or(clears(Clearable::Milestone).then_some(0)),
        due_date: input.due_on.as_deref().map(tracker::noon),
        unset_due_date: clears(Clearable::DueOn).then_some(true),
        ..wire::IssuePatch::default()
    };
    let mut reply = patched(&gitea, &at, &request, &patch).await?;
    // They are passed over where the right to write lacks (GT25), and a day's hour may be another (GT26).
    tracker::note_unchanged(input, set, &mut reply.value);
    Ok(reply)
}

pub async fn close(gitea: Arc<Gitea>, request: Request<IssueClose>) -> Result<Reply<Issue>, Failure> {
    if request.input.reason.is_some() {
        let sentence = "Gitea does not keep why an issue is closed";
        return Err(Failure::unsupported_field("reason", sentence).never_sent());
    }
    stated(&gitea, &request, "closed").await
}

pub async fn reopen(gitea: Arc<Gitea>, request: Request<IssueReopen>) -> Result<Reply<Issue>, Failure> {
    stated(&gitea, &request, "open").await
}

async fn stated<O: Op<Output = Issue>>(
    gitea: &Gitea,
    request: &Request<O>,
    state: &'static str,
) -> Result<Reply<Issue>, Failure> {
    let at = At::of(&request.native)?;
    let before = one(gitea, at.place, &at.number, false).await;
    before.map_err(Failure::never_sent)?;
    let patch = wire::IssuePatch {
        state: Some(state),
        ..wire::IssuePatch::default()
    };
    patched(gitea, &at, request, &patch).await.map_err(|failure| {
        match told(&failure).is_some_and(|told| told.says == Says::Dependencies) {
            true => {
                let sentence = "the issue waits for others that are still open";
                instead(&failure, Kind::PreconditionFailed, sentence)
            }
            false => failure,
        }
    })
}

pub async fn delete(gitea: Arc<Gitea>, request: Request<IssueDelete>) -> Result<Reply<Deleted>, Failure> {
    let at = At::of(&request.native)?;
    let before = one(&gitea, at.place, &at.number, false).await;
    before.map_err(Failure::never_sent)?;
    let received = gitea.endpoint.send(gitea.endpoint.delete(&at.parts(&[]))?).await?;
    Ok(received.reply(Deleted::done()))
}

pub async fn assign(gitea: Arc<Gitea>, request: Request<IssueAssign>) -> Result<Reply<Issue>, Failure> {
    let at = At::of(&request.native)?;
    let asked = gitea.directory.accounts(&request.input.assignees);
    let before = one(&gitea, at.place, &at.number, false).await;
    before.map_err(Failure::never_sent)?;
    // Whoever has no account makes a request fail that has changed other things by then (GT25).
    let (owner, name) = at.place;
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "assignees"])?;
    let received = gitea.endpoint.send(outgoing).await.map_err(Failure::never_sent)?;
    let rows = received.rows::<wire::User>(false).map_err(Failure::never_sent)?;
    let able: Vec<String> = rows.into_iter().map(|row| row.wire.login).collect();
    let strange = tracker::lacking(asked.iter().copied(), &able);
    if !strange.is_empty() {
        let sentence = tracker::strangers(&strange, "whom Gitea does not let see to issues there");
        let failure = received.failure(Kind::InvalidInput, "");
        return Err(blaming(&failure, Kind::InvalidInput, "assignees", &sentence).never_sent());
    }
    let patch = wire::IssuePatch {
        assignees: Some(&asked),
        ..wire::IssuePatch::default()
    };
    let reply = patched(&gitea, &at, &request, &patch).await?;
    let people = reply.value.assignees.iter().filter_map(|its| its.login.as_deref());
    let people: Vec<&str> = people.collect();
    let spare = tracker::lacks(people.iter().copied(), &asked);
    match spare || tracker::lacks(asked.iter().copied(), &people) {
        true => {
            let sentence = "assignees cannot be changed there: the right to do so is lacking";
            let mut failure = Failure::new(Kind::Forbidden, sentence).by(&request.instance);
            failure.field = Some("assignees".into());
            Err(failure)
        }
        false => Ok(reply),
    }
}

pub async fn lock(gitea: Arc<Gitea>, request: Request<IssueLock>) -> Result<Reply<IssueLocked>, Failure> {
    let at = At::of(&request.native)?;
    let locked = request.input.locked.unwrap_or(true);
    let before = one(&gitea, at.place, &at.number, false).await;
    let (_, row) = before.map_err(Failure::never_sent)?;
    let id = convert::issue(&request.instance, at.path, row).id;
    let parts = at.parts(&["lock"]);
    let outgoing = match locked {
        true => gitea.endpoint.put(&parts, &json!({}))?,
        false => gitea.endpoint.bare(Method::DELETE, &parts)?,
    };
    let received = gitea.endpoint.send(outgoing).await.map_err(|failure| {
        // The issue was there just now: it is the route that is not.
        match is(&failure, &[404, 405]) {
            true => instead(
                &failure,
                Kind::Unsupported,
                "the server's release locks no issues by its API",
            ),
            false => failure,
        }
    })?;
    Ok(received.reply(IssueLocked { id, locked }))
}
