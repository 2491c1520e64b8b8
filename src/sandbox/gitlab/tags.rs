//! Tags: with a message they are annotated.
//!
//! Invariant: a tag is listed once, the youngest first.

use super::ask::{Answer, Ask, created, gone, ok};
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{Refused, Signature, Tag, What, now};

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let search = ask.input.text("search")?.unwrap_or_default().to_lowercase();
    let order = ask.input.choice("order_by", &["updated", "name", "version"])?;
    let rising = ask.input.choice("sort", &["desc", "asc"])? == "asc";
    let mut tags: Vec<&Tag> = repo.tags.values().collect();
    tags.retain(|tag| tag.name.to_lowercase().contains(&search));
    if order == "updated" {
        let at = |tag: &&Tag| repo.history.get(&tag.commit).map(|commit| commit.committer.at.clone());
        tags.sort_by_cached_key(|tag| (at(tag), tag.name.clone()));
    }
    if !rising {
        tags.reverse();
    }
    let links = ask.gitlab.links();
    page::answer(&ask, &tags, |tag| links.tag(repo, tag).unwrap_or_default())
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let tag = repo.tags.get(ask.part(1)?);
    let shown = tag.and_then(|tag| ask.gitlab.links().tag(repo, tag));
    ok(shown.ok_or_else(|| Problem::missing("Tag"))?)
}

pub(crate) async fn create(ask: Ask) -> Answer {
    ask.input.require(&["tag_name", "ref"])?;
    let (name, from) = (ask.input.required("tag_name")?, ask.input.required("ref")?);
    let message = ask.input.filled("message")?;
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let worded = |refused| match refused {
        Refused::Exists(_) => Problem::bad(format!("Tag {name} already exists")),
        Refused::Missing(What::Commit) | Refused::Empty => Problem::bad(format!("Target {from} is invalid")),
        Refused::BadName => Problem::bad("Tag name invalid"),
        other => other.into(),
    };
    if data.forge.by_id(id)?.tags.contains_key(&name) {
        return Err(worded(Refused::Exists(What::Tag)));
    }
    let target = match message {
        Some(message) => {
            let who = Signature::of(data.forge.user, &now());
            let made = data.forge.annotate(id, &name, &from, &message, who);
            made.map_err(worded)?.id
        }
        None => from.clone(),
    };
    data.forge.create_tag(id, &name, &target).map_err(worded)?;
    let repo = data.forge.by_id(id)?;
    let tag = repo.tags.get(&name).and_then(|tag| ask.gitlab.links().tag(repo, tag));
    created(tag.unwrap_or_default())
}

pub(crate) async fn delete(ask: Ask) -> Answer {
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    data.forge.delete_tag(id, ask.part(1)?)?;
    gone()
}
