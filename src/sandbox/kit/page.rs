//! Lists in numbered pages, with the links between them.
//!
//! Invariant: following `rel="next"` from the first page visits every item exactly once.

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, Uri, header};
use serde_json::Value;

use super::query::Params;

/// How a vendor cuts its lists into pages.
pub(crate) struct Paging {
    /// The query's name of the page size.
    pub size: &'static str,
    pub default: usize,
    pub max: usize,
    /// The pages that the Link header names beside page `number` of so many, in the vendor's order.
    pub links: fn(number: usize, last: usize) -> Vec<(&'static str, usize)>,
    /// Between two links.
    pub separator: &'static str,
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub number: usize,
    pub size: usize,
}

impl Paging {
    /// The page that a query asks for: nonsense means the default, and a size is clamped.
    pub fn page(&self, params: &Params) -> Page {
        Page {
            number: params.number("page").unwrap_or(1),
            size: params.number(self.size).unwrap_or(self.default).min(self.max),
        }
    }

    /// Answers the asked page of `items`, with its links.
    pub fn answer<T>(&self, origin: &str, uri: &Uri, items: &[T], render: impl Fn(&T) -> Value) -> Response<Body> {
        self.linked(self.unlinked(uri, items, render), origin, uri, items.len())
    }

    /// The same answer, with the links between the pages of so many items.
    pub fn linked(&self, mut response: Response<Body>, origin: &str, uri: &Uri, total: usize) -> Response<Body> {
        let params = Params::of(uri);
        let page = self.page(&params);
        let links: Vec<String> = (self.links)(page.number, page.last(total))
            .into_iter()
            .map(|(rel, number)| format!("<{origin}{}?{}>; rel=\"{rel}\"", uri.path(), params.at_page(number)))
            .collect();
        // Path and query came in as a valid URI and are encoded again: always a valid header.
        let value = (!links.is_empty()).then(|| HeaderValue::from_str(&links.join(self.separator)).ok());
        if let Some(value) = value.flatten() {
            response.headers_mut().insert(header::LINK, value);
        }
        response
    }

    /// Answers the asked page of `items` without links.
    pub fn unlinked<T>(&self, uri: &Uri, items: &[T], render: impl Fn(&T) -> Value) -> Response<Body> {
        let shown: Vec<Value> = self.slice(uri, items).iter().map(render).collect();
        Json(shown).into_response()
    }

    /// The asked page of `items` itself.
    pub fn slice<'a, T>(&self, uri: &Uri, items: &'a [T]) -> &'a [T] {
        let page = self.page(&Params::of(uri));
        let start = page.skipped().min(items.len());
        let end = start.saturating_add(page.size).min(items.len());
        &items[start..end]
    }
}

impl Page {
    fn skipped(self) -> usize {
        (self.number - 1).saturating_mul(self.size)
    }

    /// The last page of so many items; an empty list has one.
    fn last(self, total: usize) -> usize {
        total.div_ceil(self.size).max(1)
    }
}
