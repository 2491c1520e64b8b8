//! Versioned documents, whose versions are the change log.
//!
//! Invariant: a version is given once, in the transaction that makes it visible, in rising order.

use serde_json::Value;

use super::super::state::*;
use super::writer::Write;
use super::{SqliteStore, next, page};

type Row = (String, i64, String);

fn document(kind: &str, (id, version, body): Row) -> Result<Document, StoreError> {
    let body = serde_json::from_str(&body).map_err(|_| StoreError::Damaged { what: "document" })?;
    Ok(Document {
        kind: kind.to_owned(),
        id,
        version,
        body,
    })
}

impl SqliteStore {
    pub(super) async fn write_document(
        &self,
        kind: &str,
        id: &str,
        body: &Value,
        expected: Expected,
    ) -> Result<i64, StoreError> {
        check_name("kind", kind)?;
        check_name("id", id)?;
        let body = body.to_string();
        check_size("document", body.len(), MAX_DOCUMENT_BYTES)?;
        let mut write = self.write.begin().await?;
        let written = async {
            expect(&mut write, kind, id, expected).await?;
            set(&mut write, kind, id, Some(&body)).await
        };
        let written = written.await;
        let version = write.end(written).await?;
        self.announce(version);
        Ok(version)
    }

    pub(super) async fn remove_document(
        &self,
        kind: &str,
        id: &str,
        expected: Expected,
    ) -> Result<Option<i64>, StoreError> {
        let mut write = self.write.begin().await?;
        let removed = async {
            match expect(&mut write, kind, id, expected).await? {
                Some(_) => set(&mut write, kind, id, None).await.map(Some),
                None => Ok(None),
            }
        };
        let removed = removed.await;
        let version = write.end(removed).await?;
        version.inspect(|version| self.announce(*version));
        Ok(version)
    }

    /// Two writers may come here in the other order; the number must not fall.
    fn announce(&self, version: i64) {
        self.latest.send_if_modified(|latest| {
            let newer = version > *latest;
            *latest = version.max(*latest);
            newer
        });
    }

    pub(super) async fn read_document(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let sql = "SELECT id, version, body FROM documents WHERE kind = $1 AND id = $2 AND body IS NOT NULL";
        let row: Option<Row> = sqlx::query_as(sql)
            .bind(kind)
            .bind(id)
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| document(kind, row)).transpose()
    }

    pub(super) async fn read_documents(
        &self,
        kind: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        let sql = "SELECT id, version, body FROM documents
                   WHERE kind = $1 AND id > $2 AND body IS NOT NULL ORDER BY id LIMIT $3";
        let rows: Vec<Row> = sqlx::query_as(sql)
            .bind(kind)
            .bind(after)
            .bind(page(limit))
            .fetch_all(&self.read)
            .await?;
        rows.into_iter().map(|row| document(kind, row)).collect()
    }

    pub(super) async fn read_changes(&self, seq: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        let sql = "SELECT version, kind, id, body IS NULL FROM documents WHERE version > $1 ORDER BY version LIMIT $2";
        let rows: Vec<(i64, String, String, bool)> = sqlx::query_as(sql)
            .bind(seq)
            .bind(page(limit))
            .fetch_all(&self.read)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(seq, kind, id, deleted)| Change { seq, kind, id, deleted })
            .collect())
    }
}

/// Refuses unless the document is as expected; its version now. The write lock is held, so it stays as it is.
async fn expect(write: &mut Write, kind: &str, id: &str, expected: Expected) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT version FROM documents WHERE kind = $1 AND id = $2 AND body IS NOT NULL";
    let actual: Option<i64> = sqlx::query_scalar(sql)
        .bind(kind)
        .bind(id)
        .fetch_optional(write.on())
        .await?;
    expected.check(actual)
}

async fn set(write: &mut Write, kind: &str, id: &str, body: Option<&str>) -> Result<i64, StoreError> {
    let version = next(write, "documents").await?;
    let sql = "INSERT INTO documents (kind, id, version, body) VALUES ($1, $2, $3, $4)
               ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, body = excluded.body";
    sqlx::query(sql)
        .bind(kind)
        .bind(id)
        .bind(version)
        .bind(body)
        .execute(write.on())
        .await?;
    Ok(version)
}
