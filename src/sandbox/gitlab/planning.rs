//! Labels, milestones and boards of projects.
//!
//! Invariant: a board has a list for each of the same labels, in every project.

use http::StatusCode;

use super::ask::{Answer, Ask, created, ok};
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{Label, Milestone, Refused};

/// The number of the one board of each project.
pub(crate) const BOARD: u64 = 7;
/// The labels that it has lists for.
pub(crate) const LISTS: [&str; 2] = ["bug", "help wanted"];

pub(crate) async fn labels(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let links = ask.gitlab.links();
    page::answer(&ask, &repo.labels, |label| links.label(label))
}

pub(crate) async fn create_label(ask: Ask) -> Answer {
    ask.input.require(&["name", "color"])?;
    let color = ask.input.required("color")?;
    let digits = color.strip_prefix('#').unwrap_or_default();
    if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Problem::field("color", "must be a valid color code"));
    }
    let label = Label {
        id: 0,
        name: ask.input.required("name")?,
        color: digits.to_ascii_lowercase(),
        description: ask.input.text("description")?.unwrap_or_default(),
    };
    let mut data = ask.gitlab.data();
    let repo = ask.writable(&data)?;
    let label = data.forge.create_label(repo, label).map_err(|reason| match reason {
        Refused::Exists(_) => Problem::message(StatusCode::CONFLICT, "Label already exists"),
        other => other.into(),
    })?;
    created(ask.gitlab.links().label(&label))
}

pub(crate) async fn milestones(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let state = ask.input.choice("state", &["all", "active", "closed"])?;
    let asked = |its: &&Milestone| state == "all" || its.open == (state == "active");
    let milestones: Vec<_> = repo.milestones.iter().filter(asked).collect();
    let links = ask.gitlab.links();
    page::answer(&ask, &milestones, |milestone| links.milestone(repo, milestone))
}

pub(crate) async fn milestone(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let id = ask.number(1)?;
    let found = repo.milestones.iter().find(|its| its.id == id);
    ok(ask
        .gitlab
        .links()
        .milestone(repo, found.ok_or_else(|| Problem::missing("Milestone"))?))
}

pub(crate) async fn create_milestone(ask: Ask) -> Answer {
    let title = ask.input.required("title")?;
    let about = ask.input.filled("description")?;
    let day = ask.input.filled("due_date")?;
    let mut data = ask.gitlab.data();
    let repo = ask.writable(&data)?;
    let made = data.forge.create_milestone(repo, title, about, day);
    let made = made.map_err(|reason| match reason {
        Refused::Exists(_) => Problem::field("title", "already being used for another group or project milestone."),
        other => other.into(),
    })?;
    created(ask.gitlab.links().milestone(data.forge.by_id(repo)?, &made))
}

pub(crate) async fn boards(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let links = ask.gitlab.links();
    page::answer(&ask, &[BOARD], |_| links.board(repo))
}

pub(crate) async fn board(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    match ask.number(1)? {
        BOARD => ok(ask.gitlab.links().board(repo)),
        _ => Err(Problem::missing("Board")),
    }
}
