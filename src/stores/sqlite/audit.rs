//! The audit: what administrators did, in order.
//!
//! Invariant: entries are added and read, never changed.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::state::*;
use super::writer::Write;
use super::{SqliteStore, next, page};

impl SqliteStore {
    pub(super) async fn write_audit(&self, entry: &AuditEntry) -> Result<i64, StoreError> {
        check_entry(entry)?;
        let detail = entry.detail.to_string();
        let mut write = self.write.begin().await?;
        let appended = append(&mut write, entry, detail).await;
        write.end(appended).await
    }

    pub(super) async fn read_audit(
        &self,
        tenant: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        let one = "SELECT * FROM audit WHERE seq < $1 AND tenant = $3 ORDER BY seq DESC LIMIT $2";
        let all = "SELECT * FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
        let query = sqlx::query(if tenant.is_some() { one } else { all })
            .bind(before)
            .bind(page(limit));
        let query = match tenant {
            Some(tenant) => query.bind(tenant),
            None => query,
        };
        let rows = query.fetch_all(&self.read).await?;
        rows.iter().map(record).collect()
    }
}

async fn append(write: &mut Write, entry: &AuditEntry, detail: String) -> Result<i64, StoreError> {
    let seq = next(write, "audit").await?;
    let sql = "INSERT INTO audit (seq, at, tenant, identity, action, target, outcome, detail)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    sqlx::query(sql)
        .bind(seq)
        .bind(entry.at.as_millisecond())
        .bind(&entry.tenant)
        .bind(&entry.identity)
        .bind(&entry.action)
        .bind(&entry.target)
        .bind(&entry.outcome)
        .bind(detail)
        .execute(write.on())
        .await?;
    Ok(seq)
}

fn record(row: &SqliteRow) -> Result<AuditRecord, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged { what: "audit entry" };
    let at: i64 = row.try_get("at")?;
    let detail: &str = row.try_get("detail")?;
    let entry = AuditEntry {
        at: Timestamp::from_millisecond(at).map_err(|_| DAMAGED)?,
        tenant: row.try_get("tenant")?,
        identity: row.try_get("identity")?,
        action: row.try_get("action")?,
        target: row.try_get("target")?,
        outcome: row.try_get("outcome")?,
        detail: serde_json::from_str(detail).map_err(|_| DAMAGED)?,
    };
    Ok(AuditRecord {
        seq: row.try_get("seq")?,
        entry,
    })
}
