//! GitLab's two ways of cutting lists: numbered pages with totals, and keysets without.
//!
//! Invariant: following `rel="next"` from the first page visits every item exactly once, in both ways.

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;
use url::form_urlencoded::{Serializer, parse};

use super::ask::{Answer, Ask};
use super::problem::Problem;

/// The size of a page that is not asked for, and the largest.
const SIZE: usize = 20;
const MAX_SIZE: usize = 100;
/// Beyond this many rows, nothing is counted.
const COUNTED: usize = 10_000;
/// How far numbered pages reach.
const OFFSETS: usize = 50_000;

/// How many of a list are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Totals {
    Told,
    /// Never: counting would cost too much.
    Untold,
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    number: usize,
    size: usize,
}

fn size(ask: &Ask) -> Result<usize, Problem> {
    match ask.input.number("per_page")? {
        Some(0) => Err(Problem::parameter("per_page has a value not allowed")),
        Some(size) => Ok(usize::try_from(size).unwrap_or(MAX_SIZE).min(MAX_SIZE)),
        None => Ok(SIZE),
    }
}

/// The asked page of a list, with its totals.
pub(crate) fn answer<T>(ask: &Ask, items: &[T], render: impl Fn(&T) -> Value) -> Answer {
    numbered(ask, items, Totals::Told, render)
}

/// The asked page of a list, by its number.
pub(crate) fn numbered<T>(ask: &Ask, items: &[T], totals: Totals, render: impl Fn(&T) -> Value) -> Answer {
    if ask.input.text("pagination")?.as_deref() == Some("keyset") {
        let words = "Keyset pagination is not yet available for this type of request";
        return Err(Problem::error(StatusCode::METHOD_NOT_ALLOWED, words));
    }
    let number = ask.input.number("page")?.unwrap_or(1).max(1);
    let page = Page {
        number: usize::try_from(number).unwrap_or(usize::MAX),
        size: size(ask)?,
    };
    let start = (page.number - 1).saturating_mul(page.size);
    if start > OFFSETS {
        let words = format!(
            "Offset pagination has a maximum allowed offset of {OFFSETS} for requests that return objects of this type. \
             Remaining records can be retrieved using keyset pagination."
        );
        return Err(Problem::error(StatusCode::METHOD_NOT_ALLOWED, words));
    }
    let start = start.min(items.len());
    let shown = &items[start..start.saturating_add(page.size).min(items.len())];
    let shown: Vec<Value> = shown.iter().map(render).collect();
    let counted = totals == Totals::Told && items.len() <= COUNTED;
    Ok(numbers(ask, Json(shown).into_response(), page, items.len(), counted))
}

/// The headers of a numbered page.
fn numbers(ask: &Ask, mut response: Response<Body>, page: Page, total: usize, counted: bool) -> Response<Body> {
    let last = total.div_ceil(page.size).max(1);
    let next = (page.number < last).then_some(page.number + 1);
    let prev = (page.number > 1).then_some(page.number - 1);
    let text = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut headers = vec![
        ("x-next-page", text(next)),
        ("x-page", page.number.to_string()),
        ("x-per-page", page.size.to_string()),
        ("x-prev-page", text(prev)),
    ];
    if counted {
        headers.extend([("x-total", total.to_string()), ("x-total-pages", last.to_string())]);
    }
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    let last = counted.then_some(last);
    let links = [("prev", prev), ("next", next), ("first", Some(1)), ("last", last)];
    let links = links.into_iter().filter_map(|(rel, number)| {
        let url = url(
            ask,
            &[("page", number?.to_string()), ("per_page", page.size.to_string())],
        );
        Some(format!("<{url}>; rel=\"{rel}\""))
    });
    linked(response, &links.collect::<Vec<_>>())
}

/// What comes after the key that was told last, under the parameter of this name; `from` finds where that is.
pub(crate) fn keyset<T>(
    ask: &Ask,
    items: &[T],
    parameter: &str,
    from: impl Fn(&str) -> usize,
    key: impl Fn(&T) -> String,
    render: impl Fn(&T) -> Value,
) -> Answer {
    let size = size(ask)?;
    let start = match ask.input.filled(parameter)? {
        Some(told) => from(&told).min(items.len()),
        None => 0,
    };
    let end = start.saturating_add(size).min(items.len());
    let shown: Vec<Value> = items[start..end].iter().map(render).collect();
    let more = items[start..end].last().filter(|_| end < items.len());
    let links: Vec<_> = more
        .map(|last| {
            let pairs = [
                ("pagination", "keyset".to_owned()),
                ("per_page", size.to_string()),
                (parameter, key(last)),
            ];
            format!("<{}>; rel=\"next\"", url(ask, &pairs))
        })
        .into_iter()
        .collect();
    let mut response = linked(Json(shown).into_response(), &links);
    if let Ok(size) = HeaderValue::from_str(&size.to_string()) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-per-page"), size);
    }
    Ok(response)
}

/// The same address with these parameters.
fn url(ask: &Ask, pairs: &[(&str, String)]) -> String {
    let mut query = Serializer::new(String::new());
    let given = parse(ask.uri.query().unwrap_or_default().as_bytes());
    query.extend_pairs(given.filter(|(name, _)| !pairs.iter().any(|(set, _)| set == name)));
    query.extend_pairs(pairs);
    format!("{}{}?{}", ask.gitlab.instance.origin, ask.uri.path(), query.finish())
}

fn linked(mut response: Response<Body>, links: &[String]) -> Response<Body> {
    // Path and query came in as a valid URI and are encoded again: always a valid header.
    let value = (!links.is_empty()).then(|| HeaderValue::from_str(&links.join(", ")).ok());
    if let Some(value) = value.flatten() {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}
