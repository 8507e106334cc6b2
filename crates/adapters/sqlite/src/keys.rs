use crate::SqliteStore;
use anyhow::Context;
use application::ports::{KeyFingerprint, KeyFingerprintRepository, Unavailable};
use async_trait::async_trait;
use domain::sealing::KeyId;
use rusqlite::params;

statements! {
    LIST = "SELECT id, digest FROM key_fingerprints ORDER BY id";
    INSERT = "INSERT INTO key_fingerprints (id, digest) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
}

#[async_trait]
impl KeyFingerprintRepository for SqliteStore {
    async fn list_fingerprints(&self) -> Result<Vec<KeyFingerprint>, Unavailable> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached(LIST)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.map(|row| {
                let (id, digest): (String, _) = row?;
                let id = KeyId::parse(&id).context("a stored key id has another form")?;
                Ok(KeyFingerprint { id, digest })
            })
            .collect()
        })
        .await
    }

    async fn insert(&self, fingerprint: &KeyFingerprint) -> Result<(), Unavailable> {
        let fingerprint = fingerprint.clone();
        self.write(move |conn| {
            conn.prepare_cached(INSERT)?
                .execute(params![fingerprint.id.as_str(), fingerprint.digest])?;
            Ok(())
        })
        .await
    }
}
