//! Gitea's pagination: `page`, `limit`, the Link header and `X-Total-Count`.
//!
//! Invariant: following `rel="next"` from the first page visits every item exactly once.

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Response, Uri, header};
use serde_json::Value;

use crate::sandbox::query::Params;

pub(crate) const DEFAULT_SIZE: usize = 30;
pub(crate) const MAX_SIZE: usize = 50;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    number: usize,
    size: usize,
}

impl Page {
    fn of(params: &Params) -> Self {
        Self {
            number: params.number("page").unwrap_or(1),
            size: params.number("limit").unwrap_or(DEFAULT_SIZE).min(MAX_SIZE),
        }
    }

    fn skipped(self) -> usize {
        (self.number - 1).saturating_mul(self.size)
    }

    /// The pages that the Link header names, in Gitea's order.
    fn links(self, total: usize) -> Vec<(&'static str, usize)> {
        let last = total.div_ceil(self.size).max(1);
        // Beyond the end one stands on the last page.
        let here = self.number.min(last);
        let mut links = Vec::new();
        if here < last {
            links.extend([("next", here + 1), ("last", last)]);
        }
        if here > 1 {
            links.extend([("first", 1), ("prev", here - 1)]);
        }
        links
    }
}

/// Answers the asked page of `items`, with its links.
pub(crate) fn answer<T>(origin: &str, uri: &Uri, items: &[T], render: impl Fn(&T) -> Value) -> Response<Body> {
    let params = Params::of(uri);
    let links: Vec<String> = Page::of(&params)
        .links(items.len())
        .into_iter()
        .map(|(rel, number)| format!("<{origin}{}?{}>; rel=\"{rel}\"", uri.path(), params.at_page(number)))
        .collect();
    let mut response = unlinked(uri, items, render);
    // Path and query came in as a valid URI and are encoded again: always a valid header.
    if let Some(value) = (!links.is_empty())
        .then(|| HeaderValue::from_str(&links.join(",")).ok())
        .flatten()
    {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}

/// Answers the asked page of `items` without links, as some lists of Gitea's releases do.
pub(crate) fn unlinked<T>(uri: &Uri, items: &[T], render: impl Fn(&T) -> Value) -> Response<Body> {
    let page = Page::of(&Params::of(uri));
    let shown: Vec<Value> = items.iter().skip(page.skipped()).take(page.size).map(render).collect();
    let mut response = Json(shown).into_response();
    response
        .headers_mut()
        .insert(TOTAL_COUNT, HeaderValue::from(items.len()));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_header_names_only_pages_that_exist() {
        let links = |number, total| Page { number, size: 30 }.links(total);
        assert_eq!(links(1, 0), []);
        assert_eq!(links(1, 30), []);
        assert_eq!(links(1, 31), [("next", 2), ("last", 2)]);
        assert_eq!(links(2, 90), [("next", 3), ("last", 3), ("first", 1), ("prev", 1)]);
        assert_eq!(links(9, 90), [("first", 1), ("prev", 2)]);
    }

    #[test]
    fn sizes_are_clamped_and_nonsense_means_the_default() {
        let page = |query: &str| Page::of(&Params::of(&format!("/x?{query}").parse().unwrap()));
        assert_eq!(page(""), Page { number: 1, size: 30 });
        assert_eq!(page("limit=100&page=2"), Page { number: 2, size: 50 });
        assert_eq!(page("limit=0&page=-1"), Page { number: 1, size: 30 });
    }
}
