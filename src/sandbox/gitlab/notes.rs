//! What is said to merge requests, as single notes and as discussions.
//!
//! Invariant: a note of nothing but commands leaves no note.

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::ask::{Answer, Ask, created, ok};
use super::merges::at;
use super::objects::Links;
use super::objects::merge::{MergeAt, Note};
use super::page;
use super::problem::Problem;
use super::quick;
use crate::sandbox::forge::{LineComment, ReviewState};

/// All that was said, oldest first.
fn all<'a>(at: &MergeAt<'a>) -> Vec<Note<'a>> {
    let comments = at.issue.comments.iter().map(|comment| Note {
        id: comment.id,
        author: comment.author,
        body: comment.body.clone(),
        at: &comment.created_at,
        system: false,
        place: None,
    });
    let reviews = at.pull.reviews.iter().filter_map(|review| {
        let line = review.comments.first();
        let approved = review.state == ReviewState::Approved;
        Some(Note {
            id: review.id,
            author: review.author,
            body: match line {
                Some(line) => line.body.clone(),
                None if approved => "approved this merge request".to_owned(),
                None => return None,
            },
            at: &review.submitted_at,
            system: line.is_none(),
            place: line.map(|line| (line.path.as_str(), line.line)),
        })
    });
    let mut notes: Vec<_> = comments.chain(reviews).collect();
    notes.sort_by_key(|note| note.id);
    notes
}

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let at = at(&ask, &data)?;
    let rising = ask.input.choice("sort", &["desc", "asc"])? == "asc";
    let mut notes = all(&at);
    if !rising {
        notes.reverse();
    }
    let links = ask.gitlab.links();
    page::answer(&ask, &notes, |note| links.note(&at, note))
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let (at, number) = (at(&ask, &data)?, ask.number(2)?);
    let note = all(&at).into_iter().find(|note| note.id == number);
    ok(ask
        .gitlab
        .links()
        .note(&at, &note.ok_or_else(|| Problem::missing("Note"))?))
}

/// Says what the request says; `None`: it was nothing but commands, and this is what came of them.
fn say(ask: &Ask) -> Result<Result<u64, Answer>, Problem> {
    let body = ask.input.required("body")?;
    if body.trim().is_empty() {
        return Err(Problem::bad("400 Bad request - Note {:note=>[\"can't be blank\"]}"));
    }
    let (text, commands) = quick::split(&body);
    let mut data = ask.gitlab.data();
    let repo = ask.writable(&data)?;
    let number = at(ask, &data)?.issue.number;
    let carried = quick::carry_out(&mut data, repo, number, &commands);
    if !commands.is_empty() && text.is_empty() {
        if carried.done.is_empty() {
            return Err(Problem::bad("400 Bad request - Commands could not be applied"));
        }
        let changes: Map<String, Value> = carried
            .done
            .iter()
            .map(|(name, _)| ((*name).to_owned(), json!(true)))
            .collect();
        let summary: Vec<_> = carried.done.iter().map(|(_, words)| words).collect();
        let body = json!({ "commands_changes": changes, "summary": summary });
        return Ok(Err(Ok((StatusCode::ACCEPTED, Json(body)).into_response())));
    }
    if let Some(position) = ask.input.part("position") {
        let path = position.filled("new_path")?.or(position.filled("old_path")?);
        let line = position.number("new_line")?.or(position.number("old_line")?);
        let (Some(path), Some(line)) = (path, line) else {
            return Err(Problem::bad(
                "400 Bad request - Note {:line_code=>[\"can't be blank\", \"must be a valid line code\"]}",
            ));
        };
        let remark = LineComment { path, line, body: text };
        let said = data
            .forge
            .create_review(repo, number, ReviewState::Commented, "", vec![remark])?;
        return Ok(Ok(said.id));
    }
    Ok(Ok(data.forge.create_comment(repo, number, &text)?.id))
}

/// The note of this number, shown.
fn told(ask: &Ask, number: u64, show: impl Fn(&Links<'_>, &MergeAt<'_>, &Note<'_>) -> Value) -> Answer {
    let data = ask.gitlab.data();
    let at = at(ask, &data)?;
    let note = all(&at).into_iter().find(|note| note.id == number);
    created(show(&ask.gitlab.links(), &at, &note.ok_or_else(Problem::not_found)?))
}

pub(crate) async fn create(ask: Ask) -> Answer {
    match say(&ask)? {
        Ok(number) => told(&ask, number, |links, at, note| links.note(at, note)),
        Err(carried) => carried,
    }
}

/// The discussion that a note begins; here each has but one.
fn discussed(links: &Links<'_>, at: &MergeAt<'_>, note: &Note<'_>) -> Value {
    let mut shown = links.note(at, note);
    if note.place.is_none() && !note.system {
        shown["type"] = "DiscussionNote".into();
    }
    json!({
        "id": discussion_id(note),
        "individual_note": note.system,
        "notes": [shown],
    })
}

/// Of 40 letters, as a commit's.
fn discussion_id(note: &Note<'_>) -> String {
    blake3::hash(&note.id.to_be_bytes()).to_hex()[..40].to_owned()
}

pub(crate) async fn discussions(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let at = at(&ask, &data)?;
    let links = ask.gitlab.links();
    page::answer(&ask, &all(&at), |note| discussed(&links, &at, note))
}

pub(crate) async fn discuss(ask: Ask) -> Answer {
    match say(&ask)? {
        Ok(number) => told(&ask, number, discussed),
        Err(carried) => carried,
    }
}

pub(crate) async fn discussion(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let (at, id) = (at(&ask, &data)?, ask.part(2)?);
    let note = all(&at).into_iter().find(|note| discussion_id(note) == id);
    ok(discussed(
        &ask.gitlab.links(),
        &at,
        &note.ok_or_else(|| Problem::missing("Discussion"))?,
    ))
}
