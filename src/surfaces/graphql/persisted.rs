//! Persisted queries: documents that are asked for by their hash.
//!
//! Invariant: a document is kept under its own hash alone, so that nobody is given another's; and all that are kept are bounded.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{SHA256, digest};

/// The documents that are kept.
pub(super) struct Persisted {
    /// The most bytes of all.
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    documents: HashMap<String, Arc<str>>,
    /// By age.
    order: VecDeque<String>,
    bytes: usize,
}

/// What a request that names a hash is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This document.
    Document(Arc<str>),
    /// One that is not kept; whoever asks has to give it.
    Missing,
    /// Another document than the hash says.
    Other,
}

impl Persisted {
    pub(super) fn new(most: usize) -> Self {
        Persisted {
            most,
            kept: Mutex::default(),
        }
    }

    /// The document that a hash names; one that is given beside it is kept.
    pub(super) fn find(&self, hash: &str, given: Option<&str>) -> Found {
        let hash = hash.to_ascii_lowercase();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(given) = given else {
            return kept
                .documents
                .get(&hash)
                .map_or(Found::Missing, |document| Found::Document(document.clone()));
        };
        if sha256(given) != hash {
            return Found::Other;
        }
        let document: Arc<str> = Arc::from(given);
        if document.len() <= self.most && !kept.documents.contains_key(&hash) {
            kept.bytes += document.len();
            kept.documents.insert(hash.clone(), document.clone());
            kept.order.push_back(hash);
            while kept.bytes > self.most {
                kept.forget_oldest();
            }
        }
        Found::Document(document)
    }
}

impl Kept {
    fn forget_oldest(&mut self) {
        let oldest = self.order.pop_front();
        match oldest.and_then(|hash| self.documents.remove(&hash)) {
            Some(document) => self.bytes -= document.len(),
            None => self.bytes = 0,
        }
    }
}

/// As the protocol writes it.
pub(super) fn sha256(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().fold(String::new(), |mut written, byte| {
        // Into a text nothing fails to be written.
        let _ = write!(written, "{byte:02x}");
        written
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_kept_by_their_own_hash_until_there_is_no_room() {
        let kept = Persisted::new(20);
        let hash = sha256("{ a }");
        assert_eq!(hash, sha256("{ a }"));
        assert_eq!(kept.find(&hash, None), Found::Missing);
        assert_eq!(kept.find(&hash, Some("{ b }")), Found::Other);
        assert_eq!(kept.find(&hash, None), Found::Missing);
        assert_eq!(kept.find(&hash, Some("{ a }")), Found::Document("{ a }".into()));
        assert_eq!(kept.find(&hash.to_uppercase(), None), Found::Document("{ a }".into()));
        for at in 0..9 {
            let document = format!("{{ a{at} }}");
            assert!(matches!(
                kept.find(&sha256(&document), Some(&document)),
                Found::Document(_)
            ));
        }
        assert_eq!(kept.find(&hash, None), Found::Missing);
        assert!(kept.kept.lock().unwrap().bytes <= 20);
        // What is too long for all the room is answered, and not kept.
        let long = "{ a }".repeat(9);
        assert!(matches!(kept.find(&sha256(&long), Some(&long)), Found::Document(_)));
        assert_eq!(kept.find(&sha256(&long), None), Found::Missing);
    }

    #[test]
    fn the_hash_is_sha_256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(""), empty);
    }
}
