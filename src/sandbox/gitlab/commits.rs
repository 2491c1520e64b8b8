//! Commits that are read and compared.
//!
//! Invariant: how many commits there are is never told, as with GitLab.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::{Answer, Ask, ok};
use super::objects::commit::{diff, stats};
use super::page::{self, Totals};
use super::problem::Problem;
use crate::sandbox::forge::{Commit, Comparison, Refused, Repo, changes, seconds};

/// The commit that the path names second.
pub(crate) fn found<'a>(ask: &Ask, repo: &'a Repo) -> Result<&'a Arc<Commit>, Problem> {
    let found = repo.resolve(Some(ask.part(1)?));
    found.ok_or_else(|| Problem::missing("Commit"))
}

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    if repo.is_empty() {
        return Err(Problem::missing("Repository"));
    }
    let revision = ask.input.filled("ref_name")?;
    let mut commits = match repo.resolve(revision.as_deref()) {
        Some(from) => match ask.input.filled("path")? {
            Some(path) => repo.log_of(from, path.trim_end_matches('/')),
            None => repo.history.log(&from.id),
        },
        None => Vec::new(),
    };
    let (since, until) = (time(&ask, "since")?, time(&ask, "until")?);
    let author = ask.input.filled("author")?;
    commits.retain(|commit| {
        let by = format!("{} <{}>", commit.author.name, commit.author.email);
        since.as_ref().is_none_or(|since| commit.committer.at >= *since)
            && until.as_ref().is_none_or(|until| commit.committer.at <= *until)
            && author.as_ref().is_none_or(|author| by.contains(author.as_str()))
    });
    let (links, with_stats) = (ask.gitlab.links(), ask.input.asks("with_stats")?);
    page::numbered(&ask, &commits, Totals::Untold, |commit| {
        let mut shown = links.commit(repo, commit);
        if with_stats {
            shown["stats"] = stats(repo, commit);
        }
        shown
    })
}

/// A time that was given, in seconds of UTC.
fn time(ask: &Ask, name: &str) -> Result<Option<String>, Problem> {
    let Some(given) = ask.input.filled(name)? else {
        return Ok(None);
    };
    let invalid = || Problem::parameter(format!("{name} is invalid"));
    seconds(&given).map(Some).ok_or_else(invalid)
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    ok(ask.gitlab.links().whole_commit(&data, repo, found(&ask, repo)?))
}

pub(crate) async fn changed(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let changes = repo.changes_of(found(&ask, repo)?);
    page::answer(&ask, &changes, diff)
}

/// The branches and tags that have it.
pub(crate) async fn refs(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let commit = found(&ask, repo)?;
    let kind = ask.input.choice("type", &["all", "branch", "tag"])?;
    let has = |at: &str| at == commit.id || repo.history.log(at).iter().any(|behind| behind.id == commit.id);
    let branches = repo
        .branches
        .values()
        .map(|branch| ("branch", &branch.name, &branch.commit));
    let tags = repo.tags.values().map(|tag| ("tag", &tag.name, &tag.commit));
    let all = branches.chain(tags).filter(|(of, ..)| kind == "all" || kind == *of);
    let all: Vec<_> = all.filter(|(_, _, at)| has(at)).collect();
    page::answer(&ask, &all, |(kind, name, _)| json!({ "type": kind, "name": name }))
}

pub(crate) async fn compare(ask: Ask) -> Answer {
    ask.input.require(&["from", "to"])?;
    let (from, to) = (ask.input.required("from")?, ask.input.required("to")?);
    let straight = ask.input.asks("straight")?;
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let found = repo.compare(&from, &to).map_err(|refused| match refused {
        Refused::Missing(_) | Refused::Unrelated => Problem::missing("Ref"),
        other => other.into(),
    })?;
    ok(compared(&ask, repo, &found, straight))
}

fn compared(ask: &Ask, repo: &Repo, found: &Comparison, straight: bool) -> Value {
    let links = ask.gitlab.links();
    let files = match straight {
        true => changes(&found.base.tree, &found.head.tree),
        false => found.files.clone(),
    };
    let commits: Vec<_> = found.ahead.iter().map(|commit| links.commit(repo, commit)).collect();
    let dots = if straight { ".." } else { "..." };
    json!({
        "commit": found.ahead.last().map(|commit| links.commit(repo, commit)),
        "commits": commits,
        "diffs": files.iter().map(diff).collect::<Vec<_>>(),
        "compare_timeout": false,
        "compare_same_ref": found.base.id == found.head.id,
        "web_url": format!("{}/-/compare/{}{dots}{}", links.page(&repo.full_name), found.base.id, found.head.id),
    })
}

pub(crate) async fn merge_base(ask: Ask) -> Answer {
    let refs = ask.input.texts("refs")?.unwrap_or_default();
    if refs.len() < 2 {
        return Err(Problem::parameter("refs is missing"));
    }
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let mut base: Option<Arc<Commit>> = None;
    for name in &refs {
        let at = repo.resolve(Some(name));
        let at = at.ok_or_else(|| Problem::bad(format!("Could not find ref: {name}")))?;
        base = match base {
            Some(base) => repo.history.merge_base(&base.id, &at.id),
            None => Some(at.clone()),
        };
    }
    let base = base.ok_or_else(|| Problem::missing("Merge Base"))?;
    ok(ask.gitlab.links().commit(repo, &base))
}
