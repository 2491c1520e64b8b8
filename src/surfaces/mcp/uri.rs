//! The addresses of resources: `mosaic:///v1` and the path and query that REST reads the same by.
//!
//! Invariant: what an address made here says is what [`read`] understands, and what REST would.

use std::fmt::Write as _;

use mosaic_actors::error::Failure;
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::super::rest::routes::{build, placeholders};
use crate::catalogue::{Entry, Method};
use crate::dispatch::options::PROVIDER;

/// What every address begins with.
pub(super) const BASE: &str = "mosaic:///v1";
/// What the part behind `#` begins with, where a part of a resource is meant: `#bytes=4096-`.
const PART: &str = "bytes=";

/// Whether an operation reads something that is there: a resource.
pub(super) fn is_resource(entry: &Entry) -> bool {
    let facts = &entry.declaration.facts;
    entry.declaration.method == Method::Get && !facts.streaming && !facts.waits
}

/// The address of what an operation reads with an input, of `provider` where one is named.
pub(super) fn of(entry: &Entry, input: &Map<String, Value>, provider: Option<&str>) -> Option<String> {
    if !is_resource(entry) {
        return None;
    }
    let in_path: Vec<&str> = placeholders(entry.declaration.path).collect();
    let path = build(entry, |name| input.get(name).map(text_of).unwrap_or_default());
    let mut query = Serializer::new(String::new());
    let beside = input
        .iter()
        .filter(|(name, value)| !in_path.contains(&name.as_str()) && !value.is_null());
    for (name, value) in beside {
        match value {
            Value::Array(values) if values.iter().all(Value::is_string) => {
                query.extend_pairs(values.iter().map(|value| (name, text_of(value))));
            }
            value => {
                query.append_pair(name, &text_of(value));
            }
        }
    }
    query.extend_pairs(provider.map(|provider| (PROVIDER, provider)));
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    Some(format!("{BASE}{path}{mark}{query}"))
}

/// The template (RFC 6570) of what an operation reads.
pub(super) fn template(entry: &Entry) -> String {
    let path = entry.declaration.path;
    let in_path: Vec<&str> = placeholders(path).collect();
    let mut template = format!("{BASE}{path}");
    let free = entry.fields.iter().map(|field| field.name.as_str());
    let names: Vec<&str> = free.filter(|name| !in_path.contains(name)).collect();
    if !names.is_empty() {
        // A String takes what is written to it.
        let _ = write!(template, "{{?{}}}", names.join(","));
    }
    template
}

/// An address, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'u> {
    /// The address without the part.
    pub(super) whole: &'u str,
    /// The path below `/v1`, percent-encoded.
    pub(super) path: &'u str,
    pub(super) query: &'u str,
    /// Where the part begins, in bytes.
    pub(super) from: u64,
}

impl Place<'_> {
    /// The address of the part that begins so far behind this one's beginning.
    pub(super) fn behind(&self, bytes: usize) -> String {
        let from = self.from.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        part(self.whole, from)
    }
}

/// The address of the part of `whole` that begins at a byte.
pub(super) fn part(whole: &str, from: u64) -> String {
    format!("{whole}#{PART}{from}-")
}

/// Takes an address apart.
///
/// # Errors
/// `invalid_input` on `uri`.
pub(super) fn read(uri: &str) -> Result<Place<'_>, Failure> {
    let wrong = |sentence: &str| Failure::invalid("uri", sentence);
    let (whole, from) = match uri.split_once('#') {
        None => (uri, 0),
        Some((whole, part)) => {
            let from = part.strip_prefix(PART).and_then(|part| part.strip_suffix('-'));
            let from = from.and_then(|from| from.parse().ok());
            (whole, from.ok_or_else(|| wrong("a part is written as #bytes=FROM-"))?)
        }
    };
    let below = whole.strip_prefix(BASE).filter(|below| below.starts_with('/'));
    let below = below.ok_or_else(|| Failure::new(mosaic_actors::error::Kind::NotFound, "no resource is called so"))?;
    let (path, query) = below.split_once('?').unwrap_or((below, ""));
    Ok(Place {
        whole,
        path,
        query,
        from,
    })
}

pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::{OPERATIONS, find};
    use crate::surfaces::rest::input::from_url;
    use crate::surfaces::rest::routes::{Resolved, Routes};

    #[test]
    fn an_address_is_read_as_what_it_was_made_of() {
        let entry = find("git.file.get").expect("an operation");
        let Value::Object(input) = json!({"repo": "forge-a~acme/api", "path": "a b/ü#1.md", "ref": "x&y"}) else {
            unreachable!()
        };
        let uri = of(entry, &input, None).expect("a read");
        assert_eq!(
            uri,
            "mosaic:///v1/git/repos/forge-a~acme%2Fapi/files/a%20b%2F%C3%BC%231.md?ref=x%26y"
        );
        let place = read(&uri).expect("ours");
        assert_eq!(place.behind(7), format!("{uri}#bytes=7-"));
        let Ok(Resolved::Found(found)) = Routes::of(OPERATIONS.iter()).resolve(Method::Get, place.path) else {
            panic!("{uri} leads nowhere")
        };
        let (read, _) = from_url(found.entry, found.values, place.query).expect("sound");
        assert_eq!((found.entry.name(), read), (entry.name(), input));
    }

    #[test]
    fn parts_and_strangers() {
        assert_eq!(read("mosaic:///v1/a#bytes=9-").expect("a part").from, 9);
        for odd in [
            "mosaic:///v1/a#9",
            "mosaic:///v1/a#bytes=-3",
            "file:///etc/passwd",
            "mosaic:///v1x",
            "",
        ] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_template_names_every_field() {
        let entry = find("cicd.log.get").expect("an operation");
        assert_eq!(template(entry), "mosaic:///v1/cicd/runs/{run}/log{?step,after}");
    }
}
