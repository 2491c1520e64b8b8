//! The documents that describe the surface: all of it, and what of it there is for somebody.
//!
//! Invariant: the whole is made once; however many somebodies there are, a bounded number of parts is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

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
}

impl Described {
    fn of(entries: &[&Entry]) -> Arc<Self> {
        let document = openapi::of(entries);
        Arc::new(Described {
            openapi: Document::of(&document),
            page: docs::overview(&document).into(),
        })
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
