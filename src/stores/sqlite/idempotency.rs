//! Idempotency keys: who makes the call, and what it answered.
//!
//! Invariant: a key is leased once within its time; a claim that came to nothing known is unknown, never free.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::super::state::*;
use super::SqliteStore;
use super::writer::Write;

type Row = (String, String, i64, Option<i64>, Option<String>, Option<Vec<u8>>);

impl SqliteStore {
    pub(super) async fn begin_call(&self, call: IdempotentCall<'_>, now: Timestamp) -> Result<Begun, StoreError> {
        check_name("idempotency scope", call.scope)?;
        check_name("idempotency key", call.key)?;
        check_name("idempotency fingerprint", call.fingerprint)?;
        let mut write = self.write.begin().await?;
        let begun = async {
            if let Some(lease) = self.try_lease(&mut write, &call, now).await? {
                return Ok(Begun::New(lease));
            }
            let sql = "SELECT fingerprint, lease, leased_until, status, content_type, body FROM idempotency
                       WHERE scope = $1 AND key = $2";
            let row = sqlx::query_as(sql).bind(call.scope).bind(call.key);
            self.known(row.fetch_one(write.on()).await?, call.fingerprint, now)
        };
        let begun = begun.await;
        write.end(begun).await
    }

    /// Takes the key if it is new or its time is over.
    async fn try_lease(
        &self,
        write: &mut Write,
        call: &IdempotentCall<'_>,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        // It begins with the process that made it, so that an orphan is known by it.
        let token = format!("{}/{}", self.incarnation, uuid::Uuid::now_v7());
        let sql = "INSERT INTO idempotency (scope, key, fingerprint, lease, leased_until, expires_at)
                   VALUES ($1, $2, $3, $4, $5, $6)
                   ON CONFLICT (scope, key) DO UPDATE SET
                       fingerprint = excluded.fingerprint, lease = excluded.lease,
                       leased_until = excluded.leased_until, expires_at = excluded.expires_at,
                       status = NULL, content_type = NULL, body = NULL
                   WHERE idempotency.expires_at <= $7
                   RETURNING lease";
        let taken: Option<String> = sqlx::query_scalar(sql)
            .bind(call.scope)
            .bind(call.key)
            .bind(call.fingerprint)
            .bind(&token)
            .bind(later(now, call.lease))
            .bind(later(now, call.ttl.max(call.lease)))
            .bind(now.as_millisecond())
            .fetch_optional(write.on())
            .await?;
        Ok(taken.map(|token| Lease {
            scope: call.scope.to_owned(),
            key: call.key.to_owned(),
            token,
        }))
    }

    fn known(&self, row: Row, asked: &str, now: Timestamp) -> Result<Begun, StoreError> {
        let (fingerprint, lease, leased_until, status, content_type, body) = row;
        if fingerprint != asked {
            return Ok(Begun::Mismatch);
        }
        let Some(status) = status else {
            return Ok(if self.is_alive(&lease, leased_until, now) {
                Begun::InFlight
            } else {
                Begun::Unknown
            });
        };
        let status = u16::try_from(status).map_err(|_| StoreError::Damaged { what: "answer" })?;
        Ok(Begun::Replay(StoredAnswer {
            status,
            content_type: content_type.unwrap_or_default(),
            body: Bytes::from(body.unwrap_or_default()),
        }))
    }

    /// Whether a claim without an outcome is of this process and within its time.
    fn is_alive(&self, lease: &str, leased_until: i64, now: Timestamp) -> bool {
        let maker = lease.split_once('/').map(|(maker, _)| maker);
        maker == Some(self.incarnation.as_str()) && now.as_millisecond() < leased_until
    }

    pub(super) async fn complete_call(&self, lease: &Lease, answer: &StoredAnswer) -> Result<(), StoreError> {
        check_size("answer", answer.body.len(), MAX_REPLAY_BYTES)?;
        check_size("content type", answer.content_type.len(), MAX_NAME_BYTES)?;
        let sql = "UPDATE idempotency SET status = $4, content_type = $5, body = $6
                   WHERE scope = $1 AND key = $2 AND lease = $3 AND status IS NULL";
        let mut write = self.write.begin().await?;
        let update = sqlx::query(sql)
            .bind(&lease.scope)
            .bind(&lease.key)
            .bind(&lease.token)
            .bind(i64::from(answer.status))
            .bind(&answer.content_type)
            .bind(&answer.body[..]);
        let done = update.execute(write.on()).await.map_err(StoreError::from);
        let done = done.and_then(|done| match done.rows_affected() {
            1 => Ok(()),
            _ => Err(StoreError::LeaseLost),
        });
        write.end(done).await
    }

    pub(super) async fn abandon_call(&self, lease: &Lease) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency WHERE scope = $1 AND key = $2 AND lease = $3 AND status IS NULL";
        let mut write = self.write.begin().await?;
        let delete = sqlx::query(sql).bind(&lease.scope).bind(&lease.key).bind(&lease.token);
        let done = delete.execute(write.on()).await;
        write.end(done.map(drop).map_err(StoreError::from)).await
    }

    pub(super) async fn release_call(&self, scope: &str, key: &str, now: Timestamp) -> Result<Released, StoreError> {
        let mut write = self.write.begin().await?;
        let released = async {
            let sql = "SELECT lease, leased_until, status FROM idempotency WHERE scope = $1 AND key = $2";
            let claim = sqlx::query_as(sql).bind(scope).bind(key);
            let claim: Option<(String, i64, Option<i64>)> = claim.fetch_optional(write.on()).await?;
            match claim.map(|(lease, until, status)| self.state(&lease, until, status, now)) {
                None | Some(KeyState::Confirmed) => return Ok(Released::NotUnknown),
                Some(KeyState::Pending) => return Ok(Released::UnderWay),
                Some(KeyState::InDoubt) => {}
            }
            let sql = "DELETE FROM idempotency WHERE scope = $1 AND key = $2";
            sqlx::query(sql).bind(scope).bind(key).execute(write.on()).await?;
            Ok(Released::Done)
        };
        let released = released.await;
        write.end(released).await
    }

    pub(super) async fn known_keys(
        &self,
        in_doubt: bool,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<KnownKey>, StoreError> {
        // As in `state`.
        let sql = "SELECT scope, key, lease, leased_until, expires_at, status FROM idempotency
                   WHERE expires_at > $1 AND ($2 = 0 OR status = $3
                       OR (status IS NULL AND (leased_until <= $1 OR substr(lease, 1, length($4)) <> $4)))
                   ORDER BY expires_at DESC, scope, key LIMIT $5";
        let rows: Vec<(String, String, String, i64, i64, Option<i64>)> = sqlx::query_as(sql)
            .bind(now.as_millisecond())
            .bind(i64::from(in_doubt))
            .bind(i64::from(StoredAnswer::IN_DOUBT))
            .bind(format!("{}/", self.incarnation))
            .bind(super::page(limit))
            .fetch_all(&self.read)
            .await?;
        let known = rows.into_iter().map(|(scope, key, lease, until, expires_at, status)| {
            Ok(KnownKey {
                state: self.state(&lease, until, status, now),
                claimed_at: claimed_at(&lease),
                expires_at: Timestamp::from_millisecond(expires_at).map_err(|_| StoreError::Damaged {
                    what: "idempotency key",
                })?,
                scope,
                key,
            })
        });
        known.collect()
    }

    fn state(&self, lease: &str, leased_until: i64, status: Option<i64>, now: Timestamp) -> KeyState {
        match status {
            Some(status) if status == i64::from(StoredAnswer::IN_DOUBT) => KeyState::InDoubt,
            Some(_) => KeyState::Confirmed,
            None if self.is_alive(lease, leased_until, now) => KeyState::Pending,
            None => KeyState::InDoubt,
        }
    }

    pub(super) async fn expire_calls(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM idempotency WHERE (scope, key) IN
                   (SELECT scope, key FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
        let mut write = self.write.begin().await?;
        let delete = sqlx::query(sql).bind(now.as_millisecond()).bind(super::page(limit));
        let done = delete.execute(write.on()).await;
        write
            .end(done.map(|done| done.rows_affected()).map_err(StoreError::from))
            .await
    }
}

fn later(now: Timestamp, wait: Duration) -> i64 {
    let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    now.as_millisecond().saturating_add(millis)
}
