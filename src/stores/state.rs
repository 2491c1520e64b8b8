//! The state store as the rest of the product sees it: documents, credentials, idempotency answers, audit.
//!
//! Invariant: every text and every answer has a bound, and no method returns more than [`MAX_PAGE`] rows.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;
use thiserror::Error;
use tokio::sync::watch;

use crate::secret::Secret;

pub use super::events::*;
pub use super::keys::*;
pub use super::owners::*;

/// The most rows of one answer; a larger limit is cut to it.
pub const MAX_PAGE: u32 = 1000;
/// The most bytes of a document or of an audit entry's detail, as JSON.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;
/// The most bytes of a credential.
pub const MAX_CREDENTIAL_BYTES: usize = 64 << 10;
/// The most bytes of an answer kept for replay.
pub const MAX_REPLAY_BYTES: usize = 4 << 20;
/// The most bytes of a name: a kind, id, scope, key, tenant or action.
pub const MAX_NAME_BYTES: usize = 512;

/// The future of a store's answer.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What can go wrong in a store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The document is not in the state that the writer expected.
    #[error("the document has changed: it is at version {actual:?}")]
    Conflict {
        /// Its version now; `None`: it does not exist.
        actual: Option<i64>,
    },
    /// A text or body exceeds its bound.
    #[error("{what} is longer than {limit} bytes")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// The bound, in bytes.
        limit: usize,
    },
    /// A name is empty or holds control characters.
    #[error("{what} is empty or holds control characters")]
    BadName {
        /// What it names.
        what: &'static str,
    },
    /// Credentials need a key, and none is configured.
    #[error("credentials cannot be kept: state.encryption_key is not set")]
    NoEncryptionKey,
    /// The credential was encrypted under a key that is not configured.
    #[error("credential {name} is encrypted under key {key_id}, which is not configured")]
    WrongKey {
        /// The credential.
        name: String,
        /// The public id of its key.
        key_id: String,
    },
    /// What was read is not what was written.
    #[error("{what} is damaged")]
    Damaged {
        /// What it is.
        what: &'static str,
    },
    /// The lease ran out and somebody else took it, or its answer is already there.
    #[error("the lease on this idempotency key is lost")]
    LeaseLost,
    /// No connection became free in time, or the file stayed locked.
    #[error("the state store is locked or busy")]
    Busy,
    /// The disk, or the store's bound, is full.
    #[error("the state store is full")]
    Full,
    /// The file, or what it lies on, cannot be written.
    #[error("the state store is read only")]
    ReadOnly,
    /// Its folder is not there, or is closed to us.
    #[error("no file can be made in {folder}: {why}")]
    Place {
        /// The folder.
        folder: String,
        /// The system's word.
        why: String,
    },
    /// The file is no database, or damaged.
    #[error("the state store is damaged: {0}")]
    Corrupt(String),
    /// The file holds tables of a later version of this program.
    #[error("the state store was made by a later version (schema {found}, this program knows {known})")]
    Later {
        /// The schema's version in the file.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// A restore needs the state for itself, and a gateway runs; or the other way round.
    #[error("the state is in use by another process")]
    InUse,
    /// Another process serves with the state: to either, the other's writes under way would be those of a dead one.
    #[error("another process serves with the state in {file}")]
    Served {
        /// The state's file, as it was named.
        file: String,
    },
    /// The file has several names: beside each would stand a journal and a lock of its own.
    #[error("{file} has {links} names (hard links); by one of them its journal would be missed")]
    Linked {
        /// The state's file.
        file: String,
        /// How many.
        links: u64,
    },
    /// A pipe, a folder or a device is where a file must be.
    #[error("{file} is no regular file")]
    NotAFile {
        /// What it is named.
        file: String,
    },
    /// There is no file to copy or replace.
    #[error("the state is kept in memory: state.path is not set")]
    InMemory,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// The database failed.
    #[error("the state store failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// What mends it, for those who run the gateway.
    pub fn remedy(&self) -> &'static str {
        match self {
            StoreError::Full => {
                "Free space on the disk of state.path; what is kept in memory has a bound, a file has none."
            }
            StoreError::ReadOnly => "Give the gateway's user the right to write state.path and its folder.",
            StoreError::Place { .. } => {
                "Make the folder, with the right to write there for the gateway's user, or choose another state.path."
            }
            StoreError::InUse => "Stop the gateway that uses it, or wait for the restore to end.",
            StoreError::Served { .. } => {
                "Stop the gateway that serves with it, or give this one a state.path of its own."
            }
            StoreError::Linked { .. } => "Leave the state's file one name: remove the others, or make copies of them.",
            StoreError::NotAFile { .. } => "Remove it, or choose another state.path.",
            StoreError::InMemory => "Set state.path to a file.",
            StoreError::Busy => "Another process holds state.path; end it, or wait until it is done.",
            StoreError::Later { .. } => {
                "Run the version that made it, or restore an older backup: mosaic state restore FILE --config CONFIG."
            }
            StoreError::Corrupt(_) | StoreError::Damaged { .. } => {
                "Restore a backup: mosaic state restore FILE --config CONFIG."
            }
            _ => "Check state.path and its permissions, and that state.encryption_key is the key it was made with.",
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull => StoreError::Full,
            std::io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
            _ => StoreError::Failed(Box::new(error)),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let message = error.to_string();
        match error {
            StoreError::Conflict { .. } => Failure::new(Kind::PreconditionFailed, message),
            StoreError::TooLarge { what, .. } | StoreError::BadName { what } => Failure::invalid(what, message),
            StoreError::LeaseLost => Failure::new(Kind::Conflict, message),
            StoreError::Busy => Failure::new(Kind::Overloaded, message).after(Duration::from_secs(1)),
            other => Failure::new(Kind::Internal, message).because(other),
        }
    }
}

/// What a writer expects of a document before the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing: the last writer wins.
    Any,
    /// That it does not exist.
    Absent,
    /// That it is at this version.
    Version(i64),
}

impl Expected {
    /// Holds the version that is there against it, and gives it back.
    pub(super) fn check(self, actual: Option<i64>) -> Result<Option<i64>, StoreError> {
        let agreed = match self {
            Expected::Any => true,
            Expected::Absent => actual.is_none(),
            Expected::Version(version) => actual == Some(version),
        };
        if agreed {
            Ok(actual)
        } else {
            Err(StoreError::Conflict { actual })
        }
    }
}

/// A document as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The kind of thing it describes.
    pub kind: String,
    /// Its name among its kind.
    pub id: String,
    /// The number of the change that made it what it is. Grows over all documents; none is used twice.
    pub version: i64,
    /// What it says.
    pub body: Value,
}

/// That a document changed. Of a document's changes, the latest alone is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The change's number, and the document's version by it.
    pub seq: i64,
    /// The document's kind.
    pub kind: String,
    /// The document's id.
    pub id: String,
    /// The document is gone.
    pub deleted: bool,
}

/// One action of an administrator, or a refused one.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// The tenant it concerns; empty for the whole system.
    pub tenant: String,
    /// Who.
    pub identity: String,
    /// What was done, e.g. `document.put`.
    pub action: String,
    /// To what.
    pub target: String,
    /// How it ended, e.g. `ok`, or a failure's code.
    pub outcome: String,
    /// Anything more. Must hold no secret.
    pub detail: Value,
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its number; they grow without a gap.
    pub seq: i64,
    /// What happened.
    pub entry: AuditEntry,
}

/// What must outlive a restart. All methods may wait for the database, within the configured bound.
pub trait StateStore: Send + Sync {
    /// Writes a document if it is as `expected`; its new version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it is not as expected.
    fn put_document<'a>(
        &'a self,
        kind: &'a str,
        id: &'a str,
        body: &'a Value,
        expected: Expected,
    ) -> StoreFuture<'a, i64>;

    /// Reads a document.
    fn get_document<'a>(&'a self, kind: &'a str, id: &'a str) -> StoreFuture<'a, Option<Document>>;

    /// The documents of a kind in the order of their ids, from behind `after` (empty: from the first).
    fn list_documents<'a>(&'a self, kind: &'a str, after: &'a str, limit: u32) -> StoreFuture<'a, Vec<Document>>;

    /// Deletes a document if it is as `expected`; the change's number, or `None` if there was nothing to delete.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it is not as expected.
    fn delete_document<'a>(&'a self, kind: &'a str, id: &'a str, expected: Expected) -> StoreFuture<'a, Option<i64>>;

    /// The changes after number `seq`, oldest first. A follower that applies them has the state that the store has.
    fn changes_since(&self, seq: i64, limit: u32) -> StoreFuture<'_, Vec<Change>>;

    /// The number of the latest change made through this handle, kept current. Changes by other processes do not
    /// show here; who shares a database also asks [`changes_since`](StateStore::changes_since) from time to time.
    fn watch_changes(&self) -> watch::Receiver<i64>;

    /// Encrypts and keeps a credential, in place of an older one of this name.
    ///
    /// # Errors
    /// [`StoreError::NoEncryptionKey`] where no key is configured.
    fn put_credential<'a>(&'a self, name: &'a str, credential: &'a Secret) -> StoreFuture<'a, ()>;

    /// Decrypts a credential.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`], [`StoreError::NoEncryptionKey`], or [`StoreError::Damaged`] if it was tampered with.
    fn get_credential<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<Secret>>;

    /// Forgets a credential; whether there was one.
    fn delete_credential<'a>(&'a self, name: &'a str) -> StoreFuture<'a, bool>;

    /// The names of the credentials, in order, from behind `after` (empty: from the first).
    fn list_credentials<'a>(&'a self, after: &'a str, limit: u32) -> StoreFuture<'a, Vec<String>>;

    /// Asks for the right to make a call. Of any number of callers with one key, one gets it.
    fn begin<'a>(&'a self, call: IdempotentCall<'a>, now: Timestamp) -> StoreFuture<'a, Begun>;

    /// Keeps the answer for those who come again.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the key was freed or taken over: the answer stands for nothing then.
    fn complete<'a>(&'a self, lease: &'a Lease, answer: &'a StoredAnswer) -> StoreFuture<'a, ()>;

    /// Gives the key free, because the call was not made. A lease already lost is no error.
    fn abandon<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()>;

    /// The keys whose time is not over, or those alone whose outcome is unknown; what is forgotten last comes first.
    fn list_keys(&self, in_doubt: bool, now: Timestamp, limit: u32) -> StoreFuture<'_, Vec<KnownKey>>;

    /// Frees a key whose outcome is unknown, because somebody has decided that it may be used again.
    fn release<'a>(&'a self, scope: &'a str, key: &'a str, now: Timestamp) -> StoreFuture<'a, Released>;

    /// Writes down whose things are; those of whom it is known already stay whose they are.
    fn own<'a>(&'a self, ownership: &'a Ownership) -> StoreFuture<'a, ()>;

    /// Forgets whose these things are: they are there no more.
    fn disown<'a>(&'a self, things: &'a [Owned]) -> StoreFuture<'a, ()>;

    /// Whose the things with these ids are, at whichever instance; those of whom nothing is known are left out.
    fn owners<'a>(&'a self, natives: &'a [&'a str], now: Timestamp) -> StoreFuture<'a, Vec<OwnedBy>>;

    /// Writes something without meaning, to know whether writing works.
    fn probe(&self) -> StoreFuture<'_, ()>;

    /// Why the last write failed, if it did for the database's sake.
    fn trouble(&self) -> Option<Arc<String>>;

    /// Forgets up to `limit` answers whose time is over, and as many owners; how many.
    fn expire(&self, now: Timestamp, limit: u32) -> StoreFuture<'_, u64>;

    /// Adds to the audit; the entry's number.
    fn append_audit<'a>(&'a self, entry: &'a AuditEntry) -> StoreFuture<'a, i64>;

    /// The audit, latest first, before number `before` (`None`: from the latest), of one tenant or all.
    fn list_audit<'a>(
        &'a self,
        tenant: Option<&'a str>,
        before: Option<i64>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<AuditRecord>>;

    /// Keeps deliveries, all of them or none; what became of each, in their order.
    fn append_events<'a>(&'a self, deliveries: &'a [Delivered]) -> StoreFuture<'a, Vec<Appended>>;

    /// The events behind number `after`, oldest first.
    fn list_events(&self, after: i64, limit: u32) -> StoreFuture<'_, Vec<EventRow>>;

    /// Which events there are.
    fn event_span(&self) -> StoreFuture<'_, Span>;

    /// Forgets up to `limit` events, and as many names of deliveries, that came before `before`; how many.
    fn expire_events(&self, before: Timestamp, limit: u32) -> StoreFuture<'_, u64>;

    /// Finishes what is being written and closes the store. Later calls fail.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Checks a name's length and characters.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), StoreError> {
    if name.is_empty() || name.contains(char::is_control) {
        return Err(StoreError::BadName { what });
    }
    check_size(what, name.len(), MAX_NAME_BYTES)
}

/// Checks a length in bytes.
pub(crate) fn check_size(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit {
        Err(StoreError::TooLarge { what, limit })
    } else {
        Ok(())
    }
}

/// Checks an audit entry's texts; its length in bytes.
pub(crate) fn check_entry(entry: &AuditEntry) -> Result<usize, StoreError> {
    check_name("identity", &entry.identity)?;
    check_name("action", &entry.action)?;
    let texts = [
        ("tenant", &entry.tenant),
        ("target", &entry.target),
        ("outcome", &entry.outcome),
    ];
    let mut bytes = entry.identity.len() + entry.action.len();
    for (what, text) in texts {
        check_size(what, text.len(), MAX_NAME_BYTES)?;
        bytes += text.len();
    }
    let detail = entry.detail.to_string().len();
    check_size("detail", detail, MAX_DOCUMENT_BYTES)?;
    Ok(bytes + detail)
}
