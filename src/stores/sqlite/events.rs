//! Events and the names of deliveries.
//!
//! Invariant: numbers become visible in order, since one connection writes.

use jiff::Timestamp;
use sqlx::Row;

use super::super::state::*;
use super::writer::Write;
use super::{SqliteStore, next, page};

impl SqliteStore {
    pub(super) async fn write_events(&self, deliveries: &[Delivered]) -> Result<Vec<Appended>, StoreError> {
        for delivered in deliveries {
            delivered.check()?;
        }
        let mut write = self.write.begin().await?;
        let appended = append_all(&mut write, deliveries).await;
        write.end(appended).await
    }

    pub(super) async fn read_events(&self, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let rows = sqlx::query("SELECT seq, body FROM events WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(after)
            .bind(page(limit))
            .fetch_all(&self.read)
            .await?;
        let row = |row: &sqlx::sqlite::SqliteRow| {
            Ok(EventRow {
                seq: row.try_get("seq")?,
                body: row.try_get("body")?,
            })
        };
        rows.iter().map(row).collect()
    }

    pub(super) async fn read_span(&self) -> Result<Span, StoreError> {
        let sql = "SELECT (SELECT MIN(seq) FROM events) AS oldest,
                   (SELECT value FROM sequences WHERE name = 'events') AS latest";
        let row = sqlx::query(sql).fetch_one(&self.read).await?;
        let latest: Option<i64> = row.try_get("latest")?;
        Ok(Span {
            oldest: row.try_get("oldest")?,
            latest: latest.unwrap_or_default(),
        })
    }

    pub(super) async fn forget_events(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut write = self.write.begin().await?;
        let forgotten = forget(&mut write, before, limit).await;
        write.end(forgotten).await
    }
}

async fn append_all(write: &mut Write, deliveries: &[Delivered]) -> Result<Vec<Appended>, StoreError> {
    let mut appended = Vec::with_capacity(deliveries.len());
    for delivered in deliveries {
        appended.push(append(write, delivered).await?);
    }
    Ok(appended)
}

async fn append(write: &mut Write, delivered: &Delivered) -> Result<Appended, StoreError> {
    let at = delivered.at.as_millisecond();
    for name in &delivered.names {
        let known: Option<i64> = sqlx::query_scalar("SELECT at FROM deliveries WHERE provider = $1 AND name = $2")
            .bind(&*delivered.provider)
            .bind(name)
            .fetch_optional(write.on())
            .await?;
        if known.is_some() {
            return Ok(Appended::Repeated);
        }
    }
    for name in &delivered.names {
        // One name may be given twice.
        let sql = "INSERT INTO deliveries (provider, name, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        sqlx::query(sql)
            .bind(&*delivered.provider)
            .bind(name)
            .bind(at)
            .execute(write.on())
            .await?;
    }
    let mut last = None;
    for body in &delivered.bodies {
        let seq = next(write, "events").await?;
        sqlx::query("INSERT INTO events (seq, at, provider, body) VALUES ($1, $2, $3, $4)")
            .bind(seq)
            .bind(at)
            .bind(&*delivered.provider)
            .bind(body)
            .execute(write.on())
            .await?;
        last = Some(seq);
    }
    Ok(Appended::Kept(last))
}

async fn forget(write: &mut Write, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for sql in [
        "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE at < $1 ORDER BY at LIMIT $2)",
        "DELETE FROM deliveries WHERE (provider, name) IN
             (SELECT provider, name FROM deliveries WHERE at < $1 ORDER BY at LIMIT $2)",
    ] {
        let deleted = sqlx::query(sql)
            .bind(before.as_millisecond())
            .bind(page(limit))
            .execute(write.on())
            .await?;
        forgotten += deleted.rows_affected();
    }
    Ok(forgotten)
}
