//! Idempotency keys: who makes the call, and what it answered.
//!
//! Invariant: at any time at most one lease on a key can be completed.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::super::state::*;
use super::SqliteStore;

/// A key that vanishes between the two statements below was expired or abandoned; more often than this in a row
/// is no coincidence.
const ROUNDS: usize = 8;

type Row = (String, Option<i64>, Option<String>, Option<Vec<u8>>);

impl SqliteStore {
    pub(super) async fn begin_call(&self, call: IdempotentCall<'_>, now: Timestamp) -> Result<Begun, StoreError> {
        check_name("idempotency scope", call.scope)?;
        check_name("idempotency key", call.key)?;
        check_name("idempotency fingerprint", call.fingerprint)?;
        for _ in 0..ROUNDS {
            if let Some(lease) = self.try_lease(&call, now).await? {
                return Ok(Begun::New(lease));
            }
            if let Some(row) = self.read_answer(&call).await? {
                return known(row, call.fingerprint);
            }
        }
        Err(StoreError::Busy)
    }

    /// Takes the key if it is new, its time is over, or its holder let the lease run out. One statement, so that
    /// one caller alone succeeds.
    async fn try_lease(&self, call: &IdempotentCall<'_>, now: Timestamp) -> Result<Option<Lease>, StoreError> {
        let token = uuid::Uuid::now_v7().to_string();
        let sql = "INSERT INTO idempotency (scope, key, fingerprint, lease, leased_until, expires_at)
                   VALUES ($1, $2, $3, $4, $5, $6)
                   ON CONFLICT (scope, key) DO UPDATE SET
                       fingerprint = excluded.fingerprint, lease = excluded.lease,
                       leased_until = excluded.leased_until, expires_at = excluded.expires_at,
                       status = NULL, content_type = NULL, body = NULL
                   WHERE idempotency.expires_at <= $7
                      OR (idempotency.status IS NULL AND idempotency.leased_until <= $7
                          AND idempotency.fingerprint = excluded.fingerprint)
                   RETURNING lease";
        let taken: Option<String> = sqlx::query_scalar(sql)
            .bind(call.scope)
            .bind(call.key)
            .bind(call.fingerprint)
            .bind(&token)
            .bind(later(now, call.lease))
            .bind(later(now, call.ttl.max(call.lease)))
            .bind(now.as_millisecond())
            .fetch_optional(&self.write)
            .await?;
        Ok(taken.map(|token| Lease {
            scope: call.scope.to_owned(),
            key: call.key.to_owned(),
            token,
        }))
    }

    /// Read on the writing connection: a snapshot of another could be older than the refusal.
    async fn read_answer(&self, call: &IdempotentCall<'_>) -> Result<Option<Row>, StoreError> {
        let sql = "SELECT fingerprint, status, content_type, body FROM idempotency WHERE scope = $1 AND key = $2";
        Ok(sqlx::query_as(sql)
            .bind(call.scope)
            .bind(call.key)
            .fetch_optional(&self.write)
            .await?)
    }

    pub(super) async fn complete_call(&self, lease: &Lease, answer: &StoredAnswer) -> Result<(), StoreError> {
        check_size("answer", answer.body.len(), MAX_REPLAY_BYTES)?;
        check_size("content type", answer.content_type.len(), MAX_NAME_BYTES)?;
        let sql = "UPDATE idempotency SET status = $4, content_type = $5, body = $6
                   WHERE scope = $1 AND key = $2 AND lease = $3 AND status IS NULL";
        let done = sqlx::query(sql)
            .bind(&lease.scope)
            .bind(&lease.key)
            .bind(&lease.token)
            .bind(i64::from(answer.status))
            .bind(&answer.content_type)
            .bind(&answer.body[..])
            .execute(&self.write)
            .await?;
        if done.rows_affected() == 1 {
            Ok(())
        } else {
            Err(StoreError::LeaseLost)
        }
    }

    pub(super) async fn abandon_call(&self, lease: &Lease) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency WHERE scope = $1 AND key = $2 AND lease = $3 AND status IS NULL";
        sqlx::query(sql)
            .bind(&lease.scope)
            .bind(&lease.key)
            .bind(&lease.token)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    pub(super) async fn expire_calls(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM idempotency WHERE (scope, key) IN
                   (SELECT scope, key FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
        let done = sqlx::query(sql)
            .bind(now.as_millisecond())
            .bind(super::page(limit))
            .execute(&self.write)
            .await?;
        Ok(done.rows_affected())
    }
}

fn known((fingerprint, status, content_type, body): Row, asked: &str) -> Result<Begun, StoreError> {
    if fingerprint != asked {
        return Ok(Begun::Mismatch);
    }
    let Some(status) = status else {
        return Ok(Begun::InFlight);
    };
    let status = u16::try_from(status).map_err(|_| StoreError::Damaged { what: "answer" })?;
    Ok(Begun::Replay(StoredAnswer {
        status,
        content_type: content_type.unwrap_or_default(),
        body: Bytes::from(body.unwrap_or_default()),
    }))
}

fn later(now: Timestamp, wait: Duration) -> i64 {
    let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    now.as_millisecond().saturating_add(millis)
}
