//! The state store in memory: gone when its process ends.
//!
//! Invariant: what it holds has a bound; a write beyond that is refused, and nothing is dropped for it.

mod claims;
mod events;
mod owners;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::state::*;
use super::vault::{Sealed, Vault};
use crate::secret::Secret;
use claims::Claim;
use events::Kept;
use owners::Owners;

/// The most bytes that the texts and bodies may have together.
const MOST_BYTES: usize = 1 << 30;
/// What must be free for the next write.
const SPARE_BYTES: usize = 4 << 10;

/// State in the process's memory.
pub struct MemoryStore {
    tables: Mutex<Tables>,
    vault: Option<Vault>,
    latest: watch::Sender<i64>,
}

struct Tables {
    /// By kind and id; one that was deleted stays as a change, without a body.
    documents: BTreeMap<(String, String), Version>,
    version: i64,
    credentials: BTreeMap<String, Sealed>,
    /// By scope and key.
    calls: BTreeMap<(String, String), Claim>,
    audit: Vec<AuditRecord>,
    events: Kept,
    owners: Owners,
    used: usize,
    most: usize,
    /// The last write was refused.
    full: bool,
    closed: bool,
}

struct Version {
    number: i64,
    body: Option<Value>,
    bytes: usize,
}

impl Tables {
    /// Counts `new` bytes in place of `old` ones.
    fn replace(&mut self, old: usize, new: usize) -> Result<(), StoreError> {
        let used = self.used.saturating_sub(old) + new;
        self.full = new > old && used > self.most;
        if self.full {
            return Err(StoreError::Full);
        }
        self.used = used;
        Ok(())
    }

    /// The version of a document that is there.
    fn expect(&self, at: &(String, String), expected: Expected) -> Result<Option<i64>, StoreError> {
        let present = self.documents.get(at).filter(|version| version.body.is_some());
        expected.check(present.map(|version| version.number))
    }

    fn set(&mut self, at: (String, String), body: Option<Value>, bytes: usize) -> Result<i64, StoreError> {
        let bytes = bytes + at.0.len() + at.1.len();
        self.replace(self.documents.get(&at).map_or(0, |version| version.bytes), bytes)?;
        self.version += 1;
        let number = self.version;
        self.documents.insert(at, Version { number, body, bytes });
        Ok(number)
    }
}

impl MemoryStore {
    /// An empty store. Without a `vault` it keeps no credentials.
    pub fn new(vault: Option<Vault>) -> Self {
        Self::bounded(vault, MOST_BYTES)
    }

    /// As [`MemoryStore::new`], for at most so many bytes.
    pub fn bounded(vault: Option<Vault>, most: usize) -> Self {
        let tables = Tables {
            documents: BTreeMap::new(),
            version: 0,
            credentials: BTreeMap::new(),
            calls: BTreeMap::new(),
            audit: Vec::new(),
            events: Kept::default(),
            owners: Owners::new(),
            used: 0,
            most,
            full: false,
            closed: false,
        };
        MemoryStore {
            tables: Mutex::new(tables),
            vault,
            latest: watch::Sender::new(0),
        }
    }

    /// Every change checks before it changes anything, so no panic leaves half of one.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does all of one method at once.
    fn at_once<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut Tables) -> Result<T, StoreError>,
    ) -> StoreFuture<'a, T> {
        let mut tables = self.tables();
        let done = match tables.closed {
            true => Err(StoreError::from(std::io::Error::other("the store is closed"))),
            false => work(&mut tables),
        };
        ready(done).boxed()
    }

    fn announce(&self, version: i64) {
        self.latest.send_if_modified(|latest| {
            let newer = version > *latest;
            *latest = version.max(*latest);
            newer
        });
    }

    fn vault(&self) -> Result<&Vault, StoreError> {
        self.vault.as_ref().ok_or(StoreError::NoEncryptionKey)
    }
}

fn pair(first: &str, second: &str) -> (String, String) {
    (first.to_owned(), second.to_owned())
}

fn page(limit: u32) -> usize {
    limit.min(MAX_PAGE) as usize
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

impl StateStore for MemoryStore {
    fn put_document<'a>(
        &'a self,
        kind: &'a str,
        id: &'a str,
        body: &'a Value,
        expected: Expected,
    ) -> StoreFuture<'a, i64> {
        self.at_once(|tables| {
            check_name("kind", kind)?;
            check_name("id", id)?;
            let bytes = body.to_string().len();
            check_size("document", bytes, MAX_DOCUMENT_BYTES)?;
            let at = pair(kind, id);
            tables.expect(&at, expected)?;
            let version = tables.set(at, Some(body.clone()), bytes)?;
            self.announce(version);
            Ok(version)
        })
    }

    fn get_document<'a>(&'a self, kind: &'a str, id: &'a str) -> StoreFuture<'a, Option<Document>> {
        self.at_once(|tables| {
            let at = pair(kind, id);
            let found = tables.documents.get(&at);
            Ok(found.and_then(|version| document(&at, version)))
        })
    }

    fn list_documents<'a>(&'a self, kind: &'a str, after: &'a str, limit: u32) -> StoreFuture<'a, Vec<Document>> {
        self.at_once(|tables| {
            let behind = tables.documents.range((Excluded(pair(kind, after)), Unbounded));
            let of_kind = behind.take_while(|(at, _)| at.0 == kind);
            Ok(of_kind
                .filter_map(|(at, version)| document(at, version))
                .take(page(limit))
                .collect())
        })
    }

    fn delete_document<'a>(&'a self, kind: &'a str, id: &'a str, expected: Expected) -> StoreFuture<'a, Option<i64>> {
        self.at_once(|tables| {
            let at = pair(kind, id);
            if tables.expect(&at, expected)?.is_none() {
                return Ok(None);
            }
            let version = tables.set(at, None, 0)?;
            self.announce(version);
            Ok(Some(version))
        })
    }

    fn changes_since(&self, seq: i64, limit: u32) -> StoreFuture<'_, Vec<Change>> {
        self.at_once(|tables| {
            let newer = tables.documents.iter().filter(|(_, version)| version.number > seq);
            let mut changes: Vec<Change> = newer.map(|(at, version)| change(at, version)).collect();
            changes.sort_by_key(|change| change.seq);
            changes.truncate(page(limit));
            Ok(changes)
        })
    }

    fn watch_changes(&self) -> watch::Receiver<i64> {
        self.latest.subscribe()
    }

    fn put_credential<'a>(&'a self, name: &'a str, credential: &'a Secret) -> StoreFuture<'a, ()> {
        self.at_once(|tables| {
            check_name("credential name", name)?;
            check_size("credential", credential.expose().len(), MAX_CREDENTIAL_BYTES)?;
            let sealed = self.vault()?.seal(name, credential)?;
            let old = tables.credentials.get(name).map_or(0, |sealed| sealed.bytes.len());
            tables.replace(old, sealed.bytes.len())?;
            tables.credentials.insert(name.to_owned(), sealed);
            Ok(())
        })
    }

    fn get_credential<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<Secret>> {
        self.at_once(|tables| {
            let sealed = tables.credentials.get(name).cloned();
            sealed.map(|sealed| self.vault()?.open(name, sealed)).transpose()
        })
    }

    fn delete_credential<'a>(&'a self, name: &'a str) -> StoreFuture<'a, bool> {
        self.at_once(|tables| {
            let gone = tables.credentials.remove(name);
            tables.used = tables
                .used
                .saturating_sub(gone.as_ref().map_or(0, |gone| gone.bytes.len()));
            Ok(gone.is_some())
        })
    }

    fn list_credentials<'a>(&'a self, after: &'a str, limit: u32) -> StoreFuture<'a, Vec<String>> {
        self.at_once(|tables| {
            let names = tables.credentials.range::<str, _>((Excluded(after), Unbounded));
            Ok(names.map(|(name, _)| name.clone()).take(page(limit)).collect())
        })
    }

    fn begin<'a>(&'a self, call: IdempotentCall<'a>, now: Timestamp) -> StoreFuture<'a, Begun> {
        self.at_once(|tables| tables.begin(call, now))
    }

    fn complete<'a>(&'a self, lease: &'a Lease, answer: &'a StoredAnswer) -> StoreFuture<'a, ()> {
        self.at_once(|tables| tables.complete(lease, answer))
    }

    fn abandon<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        self.at_once(|tables| tables.abandon(lease))
    }

    fn release<'a>(&'a self, scope: &'a str, key: &'a str, now: Timestamp) -> StoreFuture<'a, Released> {
        self.at_once(|tables| tables.release(scope, key, now))
    }

    fn list_keys(&self, in_doubt: bool, now: Timestamp, limit: u32) -> StoreFuture<'_, Vec<KnownKey>> {
        self.at_once(|tables| tables.list_keys(in_doubt, now, limit))
    }

    fn own<'a>(&'a self, ownership: &'a Ownership) -> StoreFuture<'a, ()> {
        self.at_once(|tables| tables.put_owner(ownership))
    }

    fn disown<'a>(&'a self, things: &'a [Owned]) -> StoreFuture<'a, ()> {
        self.at_once(|tables| tables.remove_owners(things))
    }

    fn owners<'a>(&'a self, natives: &'a [&'a str], now: Timestamp) -> StoreFuture<'a, Vec<OwnedBy>> {
        self.at_once(|tables| tables.owners_of(natives, now))
    }

    fn probe(&self) -> StoreFuture<'_, ()> {
        self.at_once(|tables| {
            tables.replace(0, SPARE_BYTES)?;
            tables.replace(SPARE_BYTES, 0)
        })
    }

    fn trouble(&self) -> Option<Arc<String>> {
        self.tables().full.then(|| Arc::new(StoreError::Full.to_string()))
    }

    fn expire(&self, now: Timestamp, limit: u32) -> StoreFuture<'_, u64> {
        self.at_once(|tables| Ok(tables.expire(now, limit)? + tables.expire_owners(now, limit)))
    }

    fn append_audit<'a>(&'a self, entry: &'a AuditEntry) -> StoreFuture<'a, i64> {
        self.at_once(|tables| {
            let bytes = check_entry(entry)?;
            tables.replace(0, bytes)?;
            let seq = tables.audit.len() as i64 + 1;
            let entry = entry.clone();
            tables.audit.push(AuditRecord { seq, entry });
            Ok(seq)
        })
    }

    fn list_audit<'a>(
        &'a self,
        tenant: Option<&'a str>,
        before: Option<i64>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<AuditRecord>> {
        self.at_once(|tables| {
            let older = tables.audit.iter().rev();
            let older = older.filter(|record| before.is_none_or(|before| record.seq < before));
            let wanted = older.filter(|record| tenant.is_none_or(|tenant| record.entry.tenant == tenant));
            Ok(wanted.take(page(limit)).cloned().collect())
        })
    }

    fn append_events<'a>(&'a self, deliveries: &'a [Delivered]) -> StoreFuture<'a, Vec<Appended>> {
        self.at_once(|tables| tables.append_events(deliveries))
    }

    fn list_events(&self, after: i64, limit: u32) -> StoreFuture<'_, Vec<EventRow>> {
        self.at_once(|tables| Ok(tables.events.after(after, page(limit))))
    }

    fn event_span(&self) -> StoreFuture<'_, Span> {
        self.at_once(|tables| Ok(tables.events.span()))
    }

    fn expire_events(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, u64> {
        self.at_once(|tables| tables.expire_events(before, page(limit)))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.tables().closed = true;
        ready(()).boxed()
    }
}

fn document(at: &(String, String), version: &Version) -> Option<Document> {
    Some(Document {
        kind: at.0.clone(),
        id: at.1.clone(),
        version: version.number,
        body: version.body.clone()?,
    })
}

fn change(at: &(String, String), version: &Version) -> Change {
    Change {
        seq: version.number,
        kind: at.0.clone(),
        id: at.1.clone(),
        deleted: version.body.is_none(),
    }
}
