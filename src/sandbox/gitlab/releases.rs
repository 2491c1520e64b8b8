//! Releases, which are known by their tags.
//!
//! Invariant: a tag has at most one release, and no release is without its tag.

use http::StatusCode;

use super::ask::{Answer, Ask, created, ok};
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{Refused, Release, ReleaseDraft, Signature, What, now};

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let rising = ask.input.choice("sort", &["desc", "asc"])? == "asc";
    let mut releases: Vec<&Release> = repo.releases.iter().collect();
    if !rising {
        releases.reverse();
    }
    let links = ask.gitlab.links();
    page::answer(&ask, &releases, |release| links.release(repo, release))
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let tag = ask.part(1)?;
    let release = repo.releases.iter().find(|release| release.tag == tag);
    // Who may read the project is told what is not there, others that they may not.
    let release = release.ok_or_else(Problem::not_found)?;
    ok(ask.gitlab.links().release(repo, release))
}

pub(crate) async fn create(ask: Ask) -> Answer {
    let tag = ask.input.required("tag_name")?;
    let (target, name) = (ask.input.filled("ref")?, ask.input.filled("name")?);
    let (body, message) = (ask.input.text("description")?, ask.input.filled("tag_message")?);
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let repo = data.forge.by_id(id)?;
    if repo.releases.iter().any(|release| release.tag == tag) {
        return Err(Problem::message(StatusCode::CONFLICT, "Release already exists"));
    }
    if !repo.tags.contains_key(&tag) {
        let unspecified = || Problem::message(StatusCode::UNPROCESSABLE_ENTITY, "Ref is not specified");
        let target = target.clone().ok_or_else(unspecified)?;
        if let Some(message) = message {
            let who = Signature::of(data.forge.user, &now());
            let made = data.forge.annotate(id, &tag, &target, &message, who);
            let annotation = made.map_err(|refused| worded(refused, &target))?;
            let made = data.forge.create_tag(id, &tag, &annotation.id);
            made.map_err(|refused| worded(refused, &target))?;
        }
    }
    let draft = ReleaseDraft {
        tag: &tag,
        target: target.as_deref(),
        name: name.as_deref(),
        body: body.as_deref(),
        draft: false,
        prerelease: false,
    };
    let made = data.forge.create_release(id, &draft);
    let release = made.map_err(|refused| worded(refused, target.as_deref().unwrap_or_default()))?;
    created(ask.gitlab.links().release(data.forge.by_id(id)?, &release))
}

fn worded(refused: Refused, target: &str) -> Problem {
    match refused {
        Refused::Missing(What::Commit) | Refused::Empty => Problem::bad(format!("Target {target} is invalid")),
        Refused::BadName => Problem::bad("Tag name invalid"),
        other => other.into(),
    }
}

pub(crate) async fn delete(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let removed = data.forge.delete_release(id, ask.part(1)?);
    let release = removed.map_err(|_| Problem::not_found())?;
    ok(ask.gitlab.links().release(data.forge.by_id(id)?, &release))
}
