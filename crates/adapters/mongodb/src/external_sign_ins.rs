use crate::{
    MongoStore,
    bson::{array, binary, date, moment},
    errors::in_time,
};
use application::ports::{ExternalSignInRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp, external_sign_in::ExternalSignIn, sealing::SealedPayload, token::TokenDigest,
};
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
};
use serde::{Deserialize, Serialize};

/// Somebody on their way, as stored.
#[derive(Deserialize, Serialize)]
struct ErrandRecord {
    #[serde(rename = "_id")]
    key: Binary,
    sealed: Binary,
    begun_at: DateTime,
}

#[async_trait]
impl ExternalSignInRepository for MongoStore {
    async fn insert(&self, errand: &ExternalSignIn) -> Result<(), Unavailable> {
        let record = ErrandRecord {
            key: binary(&errand.key.0),
            sealed: binary(errand.sealed.as_bytes()),
            begun_at: date(errand.begun_at),
        };
        in_time(async {
            errands(self).insert_one(record).await?;
            Ok(())
        })
        .await
    }

    async fn find(&self, key: &TokenDigest) -> Result<Option<ExternalSignIn>, Unavailable> {
        in_time(async { found(errands(self).find_one(by_key(key)).await?) }).await
    }

    async fn take(&self, key: &TokenDigest) -> Result<Option<ExternalSignIn>, Unavailable> {
        in_time(async { found(errands(self).find_one_and_delete(by_key(key)).await?) }).await
    }

    async fn remove_begun_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        in_time(async {
            errands(self).delete_many(doc! { "begun_at": { "$lt": date(moment) } }).await?;
            Ok(())
        })
        .await
    }
}

fn errands(store: &MongoStore) -> Collection<ErrandRecord> {
    store.collection("external_sign_ins")
}

fn by_key(key: &TokenDigest) -> Document {
    doc! { "_id": binary(&key.0) }
}

fn found(record: Option<ErrandRecord>) -> anyhow::Result<Option<ExternalSignIn>> {
    let errand = |record: ErrandRecord| {
        Ok(ExternalSignIn {
            key: TokenDigest(array(&record.key)?),
            sealed: SealedPayload::new(record.sealed.bytes),
            begun_at: moment(record.begun_at)?,
        })
    };
    record.map(errand).transpose()
}
