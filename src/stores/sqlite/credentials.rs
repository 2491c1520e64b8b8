//! Credentials, which the database sees only sealed.
//!
//! Invariant: no statement here is given a plaintext.

use super::super::state::*;
use super::super::vault::{Sealed, Vault};
use super::{SqliteStore, page};
use crate::secret::Secret;

impl SqliteStore {
    fn vault(&self) -> Result<&Vault, StoreError> {
        self.vault.as_ref().ok_or(StoreError::NoEncryptionKey)
    }

    pub(super) async fn write_credential(&self, name: &str, credential: &Secret) -> Result<(), StoreError> {
        check_name("credential name", name)?;
        check_size("credential", credential.expose().len(), MAX_CREDENTIAL_BYTES)?;
        let Sealed { key_id, bytes } = self.vault()?.seal(name, credential)?;
        let sql = "INSERT INTO credentials (name, key_id, sealed) VALUES ($1, $2, $3)
                   ON CONFLICT (name) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed";
        let mut write = self.write.begin().await?;
        let put = sqlx::query(sql).bind(name).bind(key_id).bind(bytes);
        let put = put.execute(write.on()).await;
        write.end(put.map(drop).map_err(StoreError::from)).await
    }

    pub(super) async fn read_credential(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        let sql = "SELECT key_id, sealed FROM credentials WHERE name = $1";
        let row: Option<(String, Vec<u8>)> = sqlx::query_as(sql).bind(name).fetch_optional(&self.read).await?;
        row.map(|(key_id, bytes)| self.vault()?.open(name, Sealed { key_id, bytes }))
            .transpose()
    }

    pub(super) async fn remove_credential(&self, name: &str) -> Result<bool, StoreError> {
        let mut write = self.write.begin().await?;
        let deleted = sqlx::query("DELETE FROM credentials WHERE name = $1").bind(name);
        let deleted = deleted.execute(write.on()).await;
        let deleted = deleted.map(|done| done.rows_affected() > 0);
        write.end(deleted.map_err(StoreError::from)).await
    }

    pub(super) async fn read_credential_names(&self, after: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM credentials WHERE name > $1 ORDER BY name LIMIT $2";
        Ok(sqlx::query_scalar(sql)
            .bind(after)
            .bind(page(limit))
            .fetch_all(&self.read)
            .await?)
    }
}
