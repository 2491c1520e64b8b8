//! The search over pages, chapters and books.
//!
//! Invariant: as with BookStack itself, the size of a page holds for each type anew, and the total counts all types.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{Response, Uri};
use serde_json::{Value, json};
use url::form_urlencoded::parse;

use super::objects::Found;
use super::problem::Problem;
use super::text::{bare, found};
use super::{BookStack, objects, state};

const DEFAULT_COUNT: usize = 20;
const MAX_COUNT: usize = 100;
const TYPES: [&str; 3] = ["page", "chapter", "book"];

pub(crate) async fn all(State(bookstack): State<Arc<BookStack>>, uri: Uri) -> Result<Response<Body>, Problem> {
    let query: Vec<_> = parse(uri.query().unwrap_or_default().as_bytes()).collect();
    let text = |name: &str| {
        query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| &**value)
    };
    let number = |name: &'static str, or: usize| match text(name) {
        None => Ok(or),
        Some(value) => value
            .parse()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| Problem::invalid([(name, format!("The {name} must be at least 1."))])),
    };
    let wanted = text("query").filter(|text| !text.trim().is_empty());
    let wanted = wanted.ok_or_else(|| Problem::invalid([("query", "The query field is required.".to_owned())]))?;
    let (page, count) = (number("page", 1)?, number("count", DEFAULT_COUNT)?);
    if count > MAX_COUNT {
        let fault = format!("The count may not be greater than {MAX_COUNT}.");
        return Err(Problem::invalid([("count", fault)]));
    }
    let (terms, types) = terms_and_types(wanted);
    let state = bookstack.state();
    let (mut rows, mut total) = (vec![], 0);
    for kind in TYPES.into_iter().filter(|kind| types.iter().any(|asked| asked == kind)) {
        let all = matches(&state, kind, &terms);
        total += all.len();
        rows.extend(all.into_iter().skip((page - 1).saturating_mul(count)).take(count));
    }
    let origin = &bookstack.instance.origin;
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|row| objects::found(&state, origin, row, &terms))
        .collect();
    Ok(Json(json!({ "data": rows, "total": total })).into_response())
}

/// The words of a query, and the types that its last `{type:a|b}` names. Other filters are passed over.
fn terms_and_types(query: &str) -> (Vec<String>, Vec<String>) {
    let mut types: Vec<String> = TYPES.map(str::to_owned).to_vec();
    let mut terms = vec![];
    for word in query.split_whitespace() {
        match word.strip_prefix('{').and_then(|filter| filter.strip_suffix('}')) {
            Some(filter) => {
                if let Some(named) = filter.strip_prefix("type:") {
                    types = named.split('|').map(str::to_owned).collect();
                }
            }
            None => terms.push(word.trim_matches('"').to_lowercase()),
        }
    }
    (terms, types)
}

fn matches<'a>(state: &'a state::State, kind: &str, terms: &[String]) -> Vec<Found<'a>> {
    let any = |texts: [&str; 2]| terms.is_empty() || texts.into_iter().any(|text| found(text, terms));
    match kind {
        "page" => {
            let pages = state.pages.iter().filter(|page| !page.trashed && !page.draft);
            let pages = pages.filter(|page| any([&page.name, &bare(&page.html)]));
            pages.map(Found::Page).collect()
        }
        "chapter" => {
            let chapters = state.chapters.iter().filter(|chapter| !chapter.trashed);
            let chapters = chapters.filter(|chapter| any([&chapter.name, &chapter.description]));
            chapters.map(Found::Chapter).collect()
        }
        _ => {
            let books = state.books.iter().filter(|book| !book.trashed);
            books
                .filter(|book| any([&book.name, &book.description]))
                .map(Found::Book)
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_filter_of_types_wins() {
        let (terms, types) = terms_and_types("Cats {type:book} {created_by:me} \"Dogs\" {type:page|chapter}");
        assert_eq!(terms, ["cats", "dogs"]);
        assert_eq!(types, ["page", "chapter"]);
        assert_eq!(terms_and_types("x").1, TYPES);
    }
}
