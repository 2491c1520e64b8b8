//! The documents that describe the surface: all of it, and what of it there is for somebody.
//!
//! Invariant: the whole is made once; however many somebodies there are, a bounded number of parts is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderValue;

use super::super::mount::Mount;
use super::super::openapi;
use super::super::shared::Document;
use super::docs;
use crate::catalogue::{Catalogue, Entry};
use crate::leisure::at_leisure;

/// The most parts that are kept: tenants mostly share a few reaches.
const MOST: usize = 16;

/// One description, in its two forms.
pub(super) struct Described {
    /// The OpenAPI document.
    pub(super) openapi: Document,
    /// The page for people.
    pub(super) page: Bytes,
    /// What both are made of, in a few bytes.
    hash: blake3::Hash,
}

impl Described {
    fn of(entries: &[&Entry]) -> Arc<Self> {
        let document = openapi::of(entries);
        Arc::new(Described {
            openapi: Document::of(&document),
            page: docs::overview(&document).into(),
            hash: blake3::hash(document.to_string().as_bytes()),
        })
    }

    /// The tag of either, where the surface is mounted at `mount`: of one version of this program, since what it writes of a
    /// document is a part of that.
    pub(super) fn tag(&self, mount: &Mount) -> HeaderValue {
        let hash = match mount.path() {
            "" => self.hash,
            path => blake3::keyed_hash(self.hash.as_bytes(), path.as_bytes()),
        };
        let hex = hash.to_hex();
        HeaderValue::try_from(format!("\"{}\"", &hex[..32])).expect("hexadecimal digits in quotes")
    }
}

/// All that are there.
pub(super) struct Documents {
    pub(super) whole: Arc<Described>,
    /// By the names of the operations that are described.
    parts: Mutex<HashMap<Vec<&'static str>, Arc<Described>>>,
}

impl Documents {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        Documents {
            whole: Described::of(&catalogue.iter().collect::<Vec<_>>()),
            parts: Mutex::default(),
        }
    }

    /// The description of these operations alone.
    pub(super) fn some(&self, entries: impl Iterator<Item = &'static Entry>) -> Arc<Described> {
        let entries: Vec<&'static Entry> = entries.collect();
        let names: Vec<&'static str> = entries.iter().map(|entry| entry.name()).collect();
        let parts = || self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = parts().get(&names) {
            return made.clone();
        }
        // Made while nobody waits for the lock or this thread; two who make the same do no harm.
        let made = at_leisure(usize::MAX, || Described::of(&entries));
        let mut kept = parts();
        if kept.len() >= MOST
            && let Some(any) = kept.keys().next().cloned()
        {
            kept.remove(&any);
        }
        kept.insert(names, made.clone());
        made
    }
}
