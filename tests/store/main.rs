//! The state store, in memory and in a file: one behaviour, whatever is beneath.
//!
//! Invariant: every test runs on both, unless it is about the file itself.

mod audit;
mod documents;
mod events;
mod faults;
mod file;
mod idempotency;
mod owners;
mod restore;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use mosaic::config::StateConfig;
use mosaic::secret::{Secret, SecretRef};
use mosaic::stores::{
    self, AuditEntry, Begun, Change, CopyError, Expected, IdempotentCall, KeyState, Lease, MAX_DOCUMENT_BYTES,
    MAX_PAGE, MemoryStore, OpenError, Released, SqliteOptions, SqliteStore, StateStore, StoreError, StoredAnswer,
    Vault,
};
use serde_json::json;

const KEY: &str = "an encryption key made of quite a few words";
const PLANTED: &str = "ghp_PLANTED0123456789";

fn vault() -> Option<Vault> {
    Some(Vault::new(&Secret::new(KEY)).unwrap())
}

async fn open(path: &Path, vault: Option<Vault>) -> Arc<dyn StateStore> {
    Arc::new(SqliteStore::open(path, vault, SqliteOptions::default()).await.unwrap())
}

/// Runs a test on a store in memory and on one in a file.
async fn on_both<F: Future<Output = ()>>(test: impl Fn(Arc<dyn StateStore>) -> F) {
    test(Arc::new(MemoryStore::new(vault()))).await;
    let folder = tempfile::tempdir().unwrap();
    test(open(&folder.path().join("state.db"), vault()).await).await;
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn call<'a>(key: &'a str, fingerprint: &'a str) -> IdempotentCall<'a> {
    let (ttl, lease) = (Duration::from_secs(3600), Duration::from_secs(60));
    IdempotentCall {
        scope: "acme/git.repo.create",
        key,
        fingerprint,
        ttl,
        lease,
    }
}

fn answer(text: &'static str) -> StoredAnswer {
    StoredAnswer {
        status: 201,
        content_type: "application/json".into(),
        body: Bytes::from_static(text.as_bytes()),
    }
}

#[track_caller]
fn leased(begun: Begun) -> Lease {
    match begun {
        Begun::New(lease) => lease,
        other => panic!("expected a lease, got {other:?}"),
    }
}

fn entry(tenant: &str, n: i64) -> AuditEntry {
    AuditEntry {
        at: at(n),
        tenant: tenant.into(),
        identity: "ops".into(),
        action: "document.put".into(),
        target: format!("rule/{n}"),
        outcome: "ok".into(),
        detail: json!({ "n": n }),
    }
}
