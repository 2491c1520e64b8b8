//! Groups, those below them, and the namespaces that projects are in.
//!
//! Invariant: a group is found by its number and by its whole path.

use serde_json::json;

use super::ask::{Answer, Ask, created, ok};
use super::data::Namespace;
use super::objects::project::Detail;
use super::own::GroupDraft;
use super::page;
use super::problem::Problem;

pub(crate) async fn namespaces(ask: Ask) -> Answer {
    let (data, links) = (ask.gitlab.data(), ask.gitlab.links());
    let search = ask.input.text("search")?.unwrap_or_default().to_lowercase();
    let mut found = data.namespaces();
    found.retain(|namespace| namespace.path.to_lowercase().contains(&search));
    page::answer(&ask, &found, |namespace| links.namespace(namespace))
}

pub(crate) async fn namespace(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let found = data.namespace(ask.part(0)?);
    let found = found.ok_or_else(|| Problem::missing("Namespace"))?;
    ok(ask.gitlab.links().namespace(&found))
}

pub(crate) async fn list(ask: Ask) -> Answer {
    let top = ask.input.asks("top_level_only")?;
    let groups = ask.gitlab.data().groups();
    shown(&ask, groups, |group| !top || group.parent().is_none())
}

pub(crate) async fn subgroups(ask: Ask) -> Answer {
    let (above, groups) = below(&ask)?;
    shown(&ask, groups, |group| group.parent().as_ref() == Some(&above))
}

pub(crate) async fn descendants(ask: Ask) -> Answer {
    let (above, groups) = below(&ask)?;
    let prefix = format!("{}/", above.path);
    shown(&ask, groups, |group| group.path.starts_with(&prefix))
}

/// The group that the path names, and all there are.
fn below(ask: &Ask) -> Result<(Namespace, Vec<Namespace>), Problem> {
    let data = ask.gitlab.data();
    Ok((data.group(ask.part(0)?)?, data.groups()))
}

fn shown(ask: &Ask, mut groups: Vec<Namespace>, wanted: impl Fn(&Namespace) -> bool) -> Answer {
    let search = ask.input.text("search")?.unwrap_or_default().to_lowercase();
    groups.retain(|group| wanted(group) && group.path.to_lowercase().contains(&search));
    let (data, links) = (ask.gitlab.data(), ask.gitlab.links());
    page::answer(ask, &groups, |group| links.group(&data, group, Detail::Simple))
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let group = data.group(ask.part(0)?)?;
    let detail = match ask.input.flag("with_projects")? {
        Some(false) => Detail::Simple,
        _ => Detail::Full,
    };
    ok(ask.gitlab.links().group(&data, &group, detail))
}

pub(crate) async fn projects(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let group = data.group(ask.part(0)?)?;
    let below = ask.input.asks("include_subgroups")?;
    super::projects::listed(&ask, &data, data.projects_of(&group, below))
}

pub(crate) async fn create(ask: Ask) -> Answer {
    ask.input.require(&["name", "path"])?;
    let (name, path) = (ask.input.required("name")?, ask.input.required("path")?);
    let mut data = ask.gitlab.data();
    let path = match ask.input.text("parent_id")? {
        Some(parent) => format!("{}/{path}", data.group(&parent)?.path),
        None => path,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if path.is_empty() || !path.chars().all(plain) {
        let words = "Failed to save group {:path=>[\"can contain only letters, digits, '_', '-' and '.'. Cannot start with \
                     '-' or end in '.', '.git' or '.atom'.\"]}";
        return Err(Problem::bad(words));
    }
    if data.namespace(&path).is_some() {
        return Err(Problem::bad(
            "Failed to save group {:path=>[\"has already been taken\"]}",
        ));
    }
    data.forge.created.take(0)?;
    let description = ask.input.text("description")?.unwrap_or_default();
    data.own.groups.insert(path.clone(), GroupDraft { name, description });
    let group = data.namespace_at(&path);
    let mut shown = ask.gitlab.links().group(&data, &group, Detail::Simple);
    shown["prevent_forking_outside_group"] = json!(null);
    created(shown)
}
