//! Gitea's pagination: `page`, `limit`, the Link header and `X-Total-Count`.
//!
//! Invariant: beyond the end one stands on the last page.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, Uri};
use serde_json::Value;

use crate::sandbox::kit::page::Paging;

pub(crate) const PAGING: Paging = Paging {
    size: "limit",
    default: 30,
    max: 50,
    links,
    separator: ",",
};

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// In Gitea's order.
fn links(number: usize, last: usize) -> Vec<(&'static str, usize)> {
    let here = number.min(last);
    let mut links = Vec::new();
    if here < last {
        links.extend([("next", here + 1), ("last", last)]);
    }
    if here > 1 {
        links.extend([("first", 1), ("prev", here - 1)]);
    }
    links
}

/// Answers the asked page of `items`, with its links.
pub(crate) fn answer<T>(origin: &str, uri: &Uri, items: &[T], render: impl Fn(&T) -> Value) -> Response<Body> {
    counted(PAGING.answer(origin, uri, items, render), items.len())
}

/// Answers the asked page of `items` without links, as some lists of Gitea's releases do.
pub(crate) fn unlinked<T>(uri: &Uri, items: &[T], render: impl Fn(&T) -> Value) -> Response<Body> {
    counted(PAGING.unlinked(uri, items, render), items.len())
}

/// The same for a list that stands in an object.
pub(crate) fn wrapped(body: Response<Body>, origin: &str, uri: &Uri, total: usize) -> Response<Body> {
    counted(PAGING.linked(body, origin, uri, total), total)
}

/// The number of all, where they come in one answer.
pub(crate) fn counted(mut response: Response<Body>, total: usize) -> Response<Body> {
    response.headers_mut().insert(TOTAL_COUNT, HeaderValue::from(total));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::kit::page::Page;
    use crate::sandbox::kit::query::Params;

    #[test]
    fn the_link_header_names_only_pages_that_exist() {
        assert_eq!(links(1, 1), []);
        assert_eq!(links(1, 2), [("next", 2), ("last", 2)]);
        assert_eq!(links(2, 3), [("next", 3), ("last", 3), ("first", 1), ("prev", 1)]);
        assert_eq!(links(9, 3), [("first", 1), ("prev", 2)]);
    }

    #[test]
    fn sizes_are_clamped_and_nonsense_means_the_default() {
        let page = |query: &str| PAGING.page(&Params::of(&format!("/x?{query}").parse().unwrap()));
        assert_eq!(page(""), Page { number: 1, size: 30 });
        assert_eq!(page("limit=100&page=2"), Page { number: 2, size: 50 });
        assert_eq!(page("limit=0&page=-1"), Page { number: 1, size: 30 });
    }
}
