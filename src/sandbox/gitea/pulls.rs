//! Pull requests: read, opened, changed.
//!
//! Invariant: a draft is one by its title alone.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::Value;

use super::answer::{Named, created, number};
use super::form::Form;
use super::objects::commit::Detail;
use super::problem::Problem;
use super::{Gitea, label, page};
use crate::sandbox::forge::{PullAt, PullDraft, PullEdit, Refused, Repo, State as Forge, What};
use crate::sandbox::kit::query::Params;

/// How the titles of drafts begin, in small letters.
const DRAFTS: &[&str] = &["wip:", "[wip]"];

type At = Path<(String, String, String)>;

/// Whether a title says that it is a draft.
fn is_draft(title: &str) -> bool {
    let title = title.to_lowercase();
    DRAFTS.iter().any(|prefix| title.starts_with(prefix))
}

/// The pull request that a path names.
pub(crate) fn at<'a>(state: &'a Forge, path: &(String, String, String)) -> Result<PullAt<'a>, Problem> {
    let (owner, name, index) = path;
    let repo = state.named(owner, name)?;
    PullAt::find(state, repo, number(index)?).ok_or_else(Problem::not_found)
}

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let given = |name| params.get(name).filter(|text| !text.is_empty());
    let open = match given("state") {
        None | Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => None,
    };
    let (base, poster) = (given("base_branch"), given("poster"));
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let wanted = |at: &PullAt<'_>| {
        open.is_none_or(|open| at.issue.open == open)
            && base.is_none_or(|base| at.pull.base == base)
            && poster.is_none_or(|poster| at.issue.author.eq_ignore_ascii_case(poster))
    };
    let pulls = repo.issues.iter();
    let pulls = pulls.filter_map(|issue| PullAt::find(&state, repo, issue.number));
    let mut pulls: Vec<_> = pulls.filter(wanted).collect();
    // Newest first; numbers rise with time.
    pulls.reverse();
    match given("sort") {
        Some("oldest") => pulls.reverse(),
        Some("recentupdate") => pulls.sort_by(|a, b| b.issue.updated_at.cmp(&a.issue.updated_at)),
        Some("leastupdate") => pulls.sort_by(|a, b| a.issue.updated_at.cmp(&b.issue.updated_at)),
        Some("recentclose") => pulls.sort_by(|a, b| b.issue.closed_at.cmp(&a.issue.closed_at)),
        Some("mostcomment") => pulls.sort_by_key(|at| std::cmp::Reverse(at.issue.comments.len())),
        Some("leastcomment") => pulls.sort_by_key(|at| at.issue.comments.len()),
        _ => {}
    }
    let links = gitea.links();
    let shown = page::PAGING.slice(&uri, &pulls).iter();
    let shown: Vec<Value> = shown.map(|at| links.pull(at)).collect::<Result<_, _>>()?;
    let answer = Json(shown).into_response();
    Ok(page::wrapped(answer, &gitea.instance.origin, &uri, pulls.len()))
}

/// Who looks at it sets the forge looking whether it can be merged.
pub(crate) async fn get(State(gitea): State<Arc<Gitea>>, Path(path): At) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let at = at(&state, &path)?;
    let answer = gitea.links().full_pull(&at)?;
    let (repo, number) = (at.repo.id, at.issue.number);
    state.ask_mergeable(repo, number);
    Ok(Json(answer).into_response())
}

pub(crate) async fn files(
    State(gitea): State<Arc<Gitea>>,
    Path(path): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let at = at(&state, &path)?;
    let files = at.repo.brought_by(at.pull)?.files;
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &files, |file| {
        links.change(&at.repo.full_name, &at.pull.head_id, file)
    }))
}

/// Newest first.
pub(crate) async fn commits(
    State(gitea): State<Arc<Gitea>>,
    Path(path): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let at = at(&state, &path)?;
    let mut commits = at.repo.brought_by(at.pull)?.ahead;
    commits.reverse();
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &commits, |commit| {
        links.commit(at.repo, commit, Detail::ALL)
    }))
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let repo = state.named(&owner, &name)?;
    repo.writable()?;
    let form = Form::read(&body)?;
    let (head, base) = (form.required("head", "Head")?, form.required("base", "Base")?);
    let title = form.required("title", "Title")?;
    if head == base {
        return Err(no_changes());
    }
    let (head_repo, branch) = head_of(&state, repo, head)?;
    let draft = PullDraft {
        title,
        body: form.text("body")?,
        head_repo,
        head: branch,
        base,
        draft: is_draft(title),
    };
    let (labels, assignees) = marks(&form, repo, state.user)?;
    let id = repo.id;
    let number = state.create_pull(id, &draft).map_err(|reason| match reason {
        Refused::Exists(_) => already(id, &draft),
        Refused::NothingBetween => no_changes(),
        Refused::Unrelated | Refused::Missing(_) => Problem::not_found(),
        other => other.into(),
    })?;
    if labels.is_some() || assignees.is_some() {
        state.mark_issue(id, number, labels, assignees)?;
    }
    Ok(created(answer(&gitea, &state, id, number)?))
}

fn no_changes() -> Problem {
    Problem::invalid("Invalid PullRequest: There are no changes between the head and the base")
}

fn already(base: u64, draft: &PullDraft<'_>) -> Problem {
    let PullDraft {
        head_repo,
        head,
        base: branch,
        ..
    } = draft;
    Problem::conflict(format!(
        "pull request already exists for these targets [head_repo_id: {head_repo}, base_repo_id: {base}, head_branch: {head}, base_branch: {branch}]"
    ))
}

/// The repository and the branch of a head: `branch`, or `owner:branch` of a relative.
fn head_of<'a>(state: &Forge, base: &Repo, head: &'a str) -> Result<(u64, &'a str), Problem> {
    let (owner, branch) = head.split_once(':').unwrap_or((&base.owner, head));
    let repo = match base.owner.eq_ignore_ascii_case(owner) {
        true => base,
        false => state.relative(base, owner).ok_or_else(Problem::not_found)?,
    };
    Ok((repo.id, branch))
}

/// Labels by their names, and assignees.
type Marks = (Option<Vec<String>>, Option<Vec<String>>);

/// What a form puts on an issue: ids of labels that there are not are passed over, strangers are refused.
fn marks(form: &Form, repo: &Repo, user: &str) -> Result<Marks, Problem> {
    let labels = form.numbers("labels")?.map(|ids| label::named(repo, &ids));
    let mut assignees = form.texts("assignees")?;
    if let Some(one) = form.filled("assignee")? {
        assignees.get_or_insert_default().push(one.to_owned());
    }
    match assignees.iter().flatten().find(|login| *login != user) {
        Some(stranger) => Err(Problem::invalid(format!("Assignee does not exist: [name: {stranger}]"))),
        None => Ok((labels, assignees)),
    }
}

pub(crate) async fn edit(
    State(gitea): State<Arc<Gitea>>,
    Path(path): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let at = at(&state, &path)?;
    at.repo.writable()?;
    let form = Form::read(&body)?;
    if form
        .number("content_version")?
        .is_some_and(|version| u64::try_from(version) != Ok(at.issue.versions))
    {
        return Err(Problem::conflict("issue has already been changed"));
    }
    let open = opened(&form, &at)?;
    // An empty title, or an empty base, changes nothing.
    let title = form.filled("title")?.map(str::to_owned);
    let base = form
        .filled("base")?
        .filter(|base| *base != at.pull.base && at.pull.merged.is_none());
    if let Some(base) = base.filter(|base| !at.repo.branches.contains_key(*base)) {
        let message = format!("new base '{base}' not exist");
        return Err(Problem::new(StatusCode::NOT_FOUND, message));
    }
    let edit = PullEdit {
        draft: title.as_deref().map(is_draft),
        title,
        body: form.text("body")?.map(|body| Some(body.to_owned())),
        open,
        base: base.map(str::to_owned),
    };
    let (labels, assignees) = marks(&form, at.repo, state.user)?;
    let (repo, number) = (at.repo.id, at.issue.number);
    state.edit_pull(repo, number, edit).map_err(|reason| match reason {
        Refused::Missing(What::Branch) => Problem::invalid("the head branch of this pull request does not exist"),
        other => other.into(),
    })?;
    if labels.is_some() || assignees.is_some() {
        state.mark_issue(repo, number, labels, assignees)?;
    }
    // Not 200, although nothing was made.
    Ok(created(answer(&gitea, &state, repo, number)?))
}

/// Whether it is to be open. The state of one that was merged stays.
fn opened(form: &Form, at: &PullAt<'_>) -> Result<Option<bool>, Problem> {
    let failed = |message: String| Problem::new(StatusCode::PRECONDITION_FAILED, message);
    let Some(word) = form.text("state")? else {
        return Ok(None);
    };
    if at.pull.merged.is_some() {
        let message = "cannot change state of this pull request, it was already merged";
        return Err(failed(message.to_owned()));
    }
    match word {
        "open" => Ok(Some(true)),
        "closed" => Ok(Some(false)),
        other => Err(failed(format!("unknown state: {other}"))),
    }
}

fn answer(gitea: &Gitea, state: &Forge, repo: u64, number: u64) -> Result<Value, Problem> {
    let repo = state.by_id(repo)?;
    let at = PullAt::find(state, repo, number).ok_or_else(Problem::not_found)?;
    Ok(gitea.links().full_pull(&at)?)
}

#[cfg(test)]
mod tests {
    use super::is_draft;

    #[test]
    fn a_title_tells_a_draft() {
        for title in ["WIP: x", "wip:x", "[WIP] x"] {
            assert!(is_draft(title), "{title}");
        }
        for title in ["Draft: x", "x WIP:", "WIPE", ""] {
            assert!(!is_draft(title), "{title}");
        }
    }
}
