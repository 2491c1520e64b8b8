//! Where logs and archives lie: another house, which knows nobody and opens to who holds a link.
//!
//! Invariant: at most [`MAX_LINKS`] links lead in; an older one is dead.

use std::collections::VecDeque;

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

/// Links that lead in at once. Theirs live for about a minute; here a link dies when so many newer ones were given.
const MAX_LINKS: usize = 32;

/// Something that lies in the store.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub name: String,
    pub kind: &'static str,
    pub content: Bytes,
}

impl Stored {
    pub fn text(name: &str, content: Bytes) -> Self {
        Self {
            name: name.to_owned(),
            kind: "text/plain",
            content,
        }
    }

    pub fn zip(name: String, content: Bytes) -> Self {
        Self {
            name,
            kind: "application/zip",
            content,
        }
    }
}

/// The links that were given.
#[derive(Debug, Default)]
pub(crate) struct Store {
    given: u64,
    /// By rising age; `None`: nothing lies there.
    links: VecDeque<(String, Option<Stored>)>,
}

impl Store {
    /// Leads to what lies in the store; `None`: to where it would lie.
    pub fn redirect(&mut self, origin: &str, stored: Option<Stored>) -> Response<Body> {
        self.given += 1;
        let sign = blake3::hash(format!("{origin} link {}", self.given).as_bytes());
        let sign = sign.to_hex()[..32].to_owned();
        let place = format!("{}_store/{}?sig={sign}&sp=r", elsewhere(origin), self.given);
        self.links.push_front((sign, stored));
        self.links.truncate(MAX_LINKS);
        let mut response = StatusCode::FOUND.into_response();
        if let Ok(place) = HeaderValue::from_str(&place) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        response
    }
}

impl Store {
    /// What a link leads to: `None`: it leads nowhere; within: nothing lies there.
    pub fn find(&self, sign: &str) -> Option<Option<&Stored>> {
        let found = self.links.iter().find(|(known, _)| known == sign);
        found.map(|(_, stored)| stored.as_ref())
    }
}

/// This server by the name of the machine: to clients that is another house than its number.
fn elsewhere(origin: &str) -> String {
    let mut place = origin.parse::<url::Url>().ok();
    if let Some(place) = &mut place {
        // What was bound has an address, so it can have a name.
        let _ = place.set_host(Some("localhost"));
    }
    place.map_or_else(|| format!("{origin}/"), |place| place.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_links_lead_in() {
        let mut store = Store::default();
        for _ in 0..MAX_LINKS + 3 {
            let answer = store.redirect("http://127.0.0.1:1", None);
            let place = answer.headers()[header::LOCATION].to_str().unwrap();
            assert!(place.starts_with("http://localhost:1/_store/"), "{place}");
        }
        assert_eq!(store.links.len(), MAX_LINKS);
        let signs: std::collections::HashSet<_> = store.links.iter().map(|(sign, _)| sign).collect();
        assert_eq!(signs.len(), MAX_LINKS);
    }
}
