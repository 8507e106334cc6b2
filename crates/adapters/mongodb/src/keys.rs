use crate::{
    MongoStore,
    bson::{array, binary},
    errors::in_time,
};
use anyhow::Context;
use application::ports::{KeyFingerprint, KeyFingerprintRepository, Unavailable};
use async_trait::async_trait;
use domain::sealing::KeyId;
use futures_util::TryStreamExt as _;
use mongodb::{
    Collection,
    bson::{Binary, doc},
};
use serde::{Deserialize, Serialize};

/// The fingerprint of a key, as stored.
#[derive(Deserialize, Serialize)]
struct FingerprintRecord {
    #[serde(rename = "_id")]
    id: String,
    digest: Binary,
}

#[async_trait]
impl KeyFingerprintRepository for MongoStore {
    async fn list_fingerprints(&self) -> Result<Vec<KeyFingerprint>, Unavailable> {
        in_time(async {
            // In the order of their ids, and by their index: there are never many.
            let all = fingerprints(self).find(doc! {}).sort(doc! { "_id": 1 }).await?;
            let records: Vec<FingerprintRecord> = all.try_collect().await?;
            records.into_iter().map(KeyFingerprint::try_from).collect()
        })
        .await
    }

    async fn insert(&self, fingerprint: &KeyFingerprint) -> Result<(), Unavailable> {
        let by_id = doc! { "_id": fingerprint.id.as_str() };
        let first = doc! { "$setOnInsert": { "digest": binary(&fingerprint.digest) } };
        in_time(async {
            fingerprints(self).update_one(by_id, first).upsert(true).await?;
            Ok(())
        })
        .await
    }
}

fn fingerprints(store: &MongoStore) -> Collection<FingerprintRecord> {
    store.collection("key_fingerprints")
}

impl TryFrom<FingerprintRecord> for KeyFingerprint {
    type Error = anyhow::Error;

    fn try_from(record: FingerprintRecord) -> anyhow::Result<Self> {
        let id = KeyId::parse(&record.id).context("a stored key id has another form")?;
        Ok(Self { id, digest: array(&record.digest)? })
    }
}
