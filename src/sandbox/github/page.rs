//! GitHub's pagination: `page`, `per_page`, and the Link header.
//!
//! Invariant: following `rel="next"` from the first page visits every item exactly once.

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, Uri, header};
use serde_json::Value;

use crate::sandbox::query::Params;

const DEFAULT_SIZE: usize = 30;
const MAX_SIZE: usize = 100;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    number: usize,
    size: usize,
}

impl Page {
    fn of(params: &Params) -> Self {
        let size = params.number("per_page").unwrap_or(DEFAULT_SIZE).min(MAX_SIZE);
        Self {
            number: params.number("page").unwrap_or(1),
            size,
        }
    }

    fn skipped(self) -> usize {
        (self.number - 1).saturating_mul(self.size)
    }

    /// The pages that the Link header names, in GitHub's order.
    fn links(self, total: usize) -> Vec<(&'static str, usize)> {
        let last = total.div_ceil(self.size).max(1);
        let mut links = Vec::new();
        if self.number > 1 {
            links.push(("prev", (self.number - 1).min(last)));
        }
        if self.number < last {
            links.extend([("next", self.number + 1), ("last", last)]);
        }
        if self.number > 1 {
            links.push(("first", 1));
        }
        links
    }
}

/// Answers the asked page of `items`.
pub(crate) fn answer<T>(origin: &str, uri: &Uri, items: &[T], render: impl Fn(&T) -> Value) -> Response<Body> {
    let params = Params::of(uri);
    let page = Page::of(&params);
    let shown: Vec<Value> = items.iter().skip(page.skipped()).take(page.size).map(render).collect();
    let mut response = Json(shown).into_response();
    let links: Vec<String> = page
        .links(items.len())
        .into_iter()
        .map(|(rel, number)| format!("<{origin}{}?{}>; rel=\"{rel}\"", uri.path(), params.at_page(number)))
        .collect();
    // Path and query came in as a valid URI and are encoded again: always a valid header.
    if let Some(value) = (!links.is_empty())
        .then(|| HeaderValue::from_str(&links.join(", ")).ok())
        .flatten()
    {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(number: usize, total: usize) -> Vec<(&'static str, usize)> {
        Page { number, size: 30 }.links(total)
    }

    #[test]
    fn the_link_header_names_only_pages_that_exist() {
        assert_eq!(links(1, 0), []);
        assert_eq!(links(1, 30), []);
        assert_eq!(links(1, 31), [("next", 2), ("last", 2)]);
        assert_eq!(links(2, 90), [("prev", 1), ("next", 3), ("last", 3), ("first", 1)]);
        assert_eq!(links(3, 90), [("prev", 2), ("first", 1)]);
        assert_eq!(
            links(9, 90),
            [("prev", 3), ("first", 1)],
            "beyond the end the way back leads to the last page"
        );
    }

    #[test]
    fn sizes_are_clamped_and_nonsense_means_the_default() {
        let page = |query: &str| Page::of(&Params::of(&format!("/x?{query}").parse().unwrap()));
        assert_eq!(page(""), Page { number: 1, size: 30 });
        assert_eq!(page("per_page=500&page=2"), Page { number: 2, size: 100 });
        assert_eq!(page("per_page=0&page=-1"), Page { number: 1, size: 30 });
        assert_eq!(page("page=99999999999999999999"), Page { number: 1, size: 30 });
    }
}
