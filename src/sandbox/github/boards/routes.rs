//! The routes to boards.
//!
//! Invariant: lists go on behind the last item that was shown, which a cursor names.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use serde_json::Value;
use url::form_urlencoded::{Serializer, parse};

use super::objects;
use super::store::{Board, Boards, Content, FIELDS, Field, Item};
use crate::sandbox::forge::{State as Forge, stable_id};
use crate::sandbox::github::GitHub;
use crate::sandbox::github::answer::{Named, number};
use crate::sandbox::github::body::Input;
use crate::sandbox::github::problem::Problem;
use crate::sandbox::kit::query::Params;
use crate::sandbox::seed::{GUEST, USER};

/// Rows a page where nobody says, and at most.
const ROWS: (usize, usize) = (30, 100);

type At = Path<(String, String)>;
type Answer = Result<Response<Body>, Problem>;

/// One page of what has ids, behind the one that the cursor names.
fn page<T>(
    github: &GitHub,
    uri: &Uri,
    items: &[T],
    id: impl Fn(&T) -> u64,
    show: impl Fn(&T) -> Value,
) -> Response<Body> {
    let params = Params::of(uri);
    let size = params.number("per_page").unwrap_or(ROWS.0).min(ROWS.1);
    let behind = params
        .get("after")
        .and_then(|cursor| cursor.strip_prefix('c')?.parse().ok());
    let start = items.iter().position(|item| behind.is_none_or(|last| id(item) > last));
    let rest = &items[start.unwrap_or(items.len())..];
    let shown = &rest[..rest.len().min(size)];
    let mut response = Json(shown.iter().map(show).collect::<Vec<_>>()).into_response();
    if let Some(last) = shown.last().filter(|_| rest.len() > size) {
        let mut query = Serializer::new(String::new());
        let pairs = parse(uri.query().unwrap_or_default().as_bytes());
        query.extend_pairs(pairs.filter(|(name, _)| name != "after"));
        query.append_pair("after", &format!("c{}", id(last)));
        let link = format!(
            "<{}{}?{}>; rel=\"next\"",
            github.instance.origin,
            uri.path(),
            query.finish()
        );
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}

/// Whether boards of this owner are at this path.
fn fits(state: &Forge, uri: &Uri, owner: &str) -> Result<(), Problem> {
    let person = [USER, GUEST].iter().any(|login| login.eq_ignore_ascii_case(owner));
    let known = person || state.repos.iter().any(|repo| repo.owner.eq_ignore_ascii_case(owner));
    match known && uri.path().starts_with("/users/") == person {
        true => Ok(()),
        false => Err(Problem::not_found()),
    }
}

fn board<'a>(boards: &'a Boards, state: &Forge, uri: &Uri, owner: &str, index: &str) -> Result<&'a Board, Problem> {
    fits(state, uri, owner)?;
    boards.find(owner, number(index)?).ok_or_else(Problem::not_found)
}

pub(crate) async fn list(State(github): State<Arc<GitHub>>, Path(owner): Path<String>, uri: Uri) -> Answer {
    let (state, own) = (github.state(), github.own());
    fits(&state, &uri, &owner)?;
    let its: Vec<_> = own
        .all
        .iter()
        .filter(|board| board.owner.eq_ignore_ascii_case(&owner))
        .collect();
    let links = github.links();
    Ok(page(
        &github,
        &uri,
        &its,
        |board| board.number,
        |board| objects::board(&links, board),
    ))
}

pub(crate) async fn fields(State(github): State<Arc<GitHub>>, Path((owner, index)): At, uri: Uri) -> Answer {
    let (state, own) = (github.state(), github.own());
    let board = board(&own, &state, &uri, &owner, &index)?;
    let links = github.links();
    let show = |field: &Field| objects::field(&links, board, field);
    Ok(page(&github, &uri, &FIELDS, |field| field.id, show))
}

/// The fields that a query names.
fn asked(params: &Params) -> Vec<u64> {
    let ids = params
        .get("fields")
        .map(|ids| ids.split(',').filter_map(|id| id.parse().ok()).collect());
    ids.unwrap_or_else(|| vec![FIELDS[0].id])
}

pub(crate) async fn items(State(github): State<Arc<GitHub>>, Path((owner, index)): At, uri: Uri) -> Answer {
    let params = Params::of(&uri);
    let (state, own) = (github.state(), github.own());
    let board = board(&own, &state, &uri, &owner, &index)?;
    let ids = asked(&params);
    let wanted = params
        .get("q")
        .and_then(|query| query.strip_prefix("status:\"")?.strip_suffix('"'));
    let options = FIELDS[1].options.iter();
    let option = wanted.map(|name| options.clone().find(|(_, its)| its.eq_ignore_ascii_case(name)));
    let is_in = |item: &&Item| match option {
        None => true,
        Some(None) => false,
        Some(Some((id, _))) => item.values.get(&FIELDS[1].id).is_some_and(|value| value == id),
    };
    let found: Vec<_> = board.items.iter().filter(is_in).collect();
    let links = github.links();
    let show = |item: &&Item| objects::item(&links, &state, board, item, &ids);
    Ok(page(&github, &uri, &found, |item| item.id, show))
}

pub(crate) async fn add(State(github): State<Arc<GitHub>>, Path((owner, index)): At, uri: Uri, body: Bytes) -> Answer {
    let input = Input::read(&body, "ProjectV2Item")?;
    if !matches!(input.text("type")?, Some("Issue" | "PullRequest")) {
        return Err(input.wrong("type"));
    }
    let state = github.state();
    let repo = state.named(input.required("owner")?, input.required("repo")?)?;
    let issue = input.value("number").as_u64().and_then(|number| repo.issue(number));
    let issue = issue.ok_or_else(Problem::not_found)?;
    let content = Content::Issue(repo.full_name.clone(), issue.number);
    put(&github, &state, &uri, &owner, &index, content, issue.is_pull())
}

fn put(github: &GitHub, state: &Forge, uri: &Uri, owner: &str, index: &str, content: Content, is_pull: bool) -> Answer {
    let mut own = github.own();
    board(&own, state, uri, owner, index)?;
    let item = own
        .add(owner, number(index)?, content, is_pull)
        .ok_or_else(Problem::not_found)?;
    let board = board(&own, state, uri, owner, index)?;
    let shown = objects::simple(&github.links(), state, board, &item);
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

fn draft_in(body: &Bytes) -> Result<Content, Problem> {
    let input = Input::read(body, "DraftIssue")?;
    Ok(Content::Draft {
        title: input.required("title")?.to_owned(),
        body: input.text("body")?.map(str::to_owned),
    })
}

pub(crate) async fn draft(
    State(github): State<Arc<GitHub>>,
    Path((owner, index)): At,
    uri: Uri,
    body: Bytes,
) -> Answer {
    let content = draft_in(&body)?;
    put(&github, &github.state(), &uri, &owner, &index, content, false)
}

/// Of a user who is named by a number.
pub(crate) async fn draft_of_user(State(github): State<Arc<GitHub>>, Path((id, index)): At, body: Bytes) -> Answer {
    let content = draft_in(&body)?;
    let owner = [USER, GUEST]
        .into_iter()
        .find(|login| stable_id(login).to_string() == id);
    let owner = owner.ok_or_else(Problem::not_found)?;
    let there = Uri::from_static("/users/x");
    put(&github, &github.state(), &there, owner, &index, content, false)
}

pub(crate) async fn edit(
    State(github): State<Arc<GitHub>>,
    Path((owner, index, item)): Path<(String, String, String)>,
    uri: Uri,
    body: Bytes,
) -> Answer {
    let input = Input::read(&body, "ProjectV2Item")?;
    let Value::Array(changes) = input.value("fields") else {
        return Err(Problem::field("ProjectV2Item", "fields", "missing_field"));
    };
    let change = |change: &Value| {
        let field = Field::of(change["id"].as_u64()?)?;
        field
            .admits(&change["value"])
            .then(|| (field.id, change["value"].clone()))
    };
    let changes: Option<Vec<_>> = changes.iter().map(change).collect();
    let changes = changes.ok_or_else(|| Problem::field("ProjectV2Item", "fields", "invalid"))?;
    let (state, mut own) = (github.state(), github.own());
    board(&own, &state, &uri, &owner, &index)?;
    let item = own.set(&owner, number(&index)?, number(&item)?, changes);
    let item = item.ok_or_else(Problem::not_found)?;
    let board = board(&own, &state, &uri, &owner, &index)?;
    let ids = FIELDS.map(|field| field.id);
    Ok(Json(objects::item(&github.links(), &state, board, &item, &ids)).into_response())
}

/// An account, as everybody sees it.
pub(crate) async fn user(State(github): State<Arc<GitHub>>, Path(login): Path<String>) -> Answer {
    let login = [USER, GUEST]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(&login));
    let login = login.ok_or_else(Problem::not_found)?;
    let mut user = github.links().private_user(login);
    user["user_view_type"] = "public".into();
    Ok(Json(user).into_response())
}
