//! Whose things are.
//!
//! Invariant: a row that is there is not written over.

use jiff::Timestamp;

use super::super::state::*;
use super::{SqliteStore, page};

impl SqliteStore {
    pub(super) async fn write_owner(&self, ownership: &Ownership) -> Result<(), StoreError> {
        ownership.check()?;
        let sql = "INSERT INTO owners (native, instance, tenant, expires_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (native, instance) DO NOTHING";
        let until = ownership.until.map(Timestamp::as_millisecond);
        let mut write = self.write.begin().await?;
        let written = async {
            for thing in &ownership.things {
                let insert = sqlx::query(sql).bind(&thing.native).bind(&thing.instance);
                let insert = insert.bind(&ownership.tenant).bind(until);
                insert.execute(write.on()).await?;
            }
            Ok(())
        };
        let written = written.await;
        write.end(written).await
    }

    pub(super) async fn read_owners(&self, natives: &[&str], now: Timestamp) -> Result<Vec<OwnedBy>, StoreError> {
        check_many("natives", natives.len())?;
        let sql = "SELECT native, instance, tenant FROM owners WHERE native IN (SELECT value FROM json_each($1))
                   AND (expires_at IS NULL OR expires_at > $2)";
        let natives = serde_json::Value::from(natives).to_string();
        let query = sqlx::query_as(sql).bind(natives).bind(now.as_millisecond());
        let rows: Vec<(String, String, String)> = query.fetch_all(&self.read).await?;
        let owned = |(native, instance, tenant)| OwnedBy {
            thing: Owned { instance, native },
            tenant,
        };
        Ok(rows.into_iter().map(owned).collect())
    }

    pub(super) async fn remove_owners(&self, things: &[Owned]) -> Result<(), StoreError> {
        check_many("things", things.len())?;
        let sql = "DELETE FROM owners WHERE native = $1 AND instance = $2";
        let mut write = self.write.begin().await?;
        let removed = async {
            for thing in things {
                let delete = sqlx::query(sql).bind(&thing.native).bind(&thing.instance);
                delete.execute(write.on()).await?;
            }
            Ok(())
        };
        let removed = removed.await;
        write.end(removed).await
    }

    pub(super) async fn forget_owners(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM owners WHERE (native, instance) IN
                   (SELECT native, instance FROM owners WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
        let mut write = self.write.begin().await?;
        let delete = sqlx::query(sql).bind(now.as_millisecond()).bind(page(limit));
        let done = delete.execute(write.on()).await;
        write
            .end(done.map(|done| done.rows_affected()).map_err(StoreError::from))
            .await
    }
}
