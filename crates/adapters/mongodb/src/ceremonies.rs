use crate::{
    MongoStore,
    bson::{array, binary, date, id, moment},
    errors::{duplicate_key, in_time},
};
use application::ports::{CeremonyRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    ceremony::{Ceremony, CeremonyKind},
    id::UserId,
    sealing::SealedPayload,
    token::TokenDigest,
};
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

/// A ceremony, as stored.
#[derive(Deserialize, Serialize)]
struct CeremonyRecord {
    user: Option<Binary>,
    state: Binary,
    begun_at: DateTime,
    attempts: u32,
}

#[async_trait]
impl CeremonyRepository for MongoStore {
    async fn put(&self, ceremony: &Ceremony) -> Result<(), Unavailable> {
        in_time(async {
            if !self.try_to_put_ceremony(ceremony).await? {
                // Somebody else made it at the same moment, so now it is there.
                self.try_to_put_ceremony(ceremony).await?;
            }
            Ok(())
        })
        .await
    }

    async fn find(
        &self,
        flow: &TokenDigest,
        kind: CeremonyKind,
    ) -> Result<Option<Ceremony>, Unavailable> {
        in_time(async {
            let found = ceremonies(self).find_one(by_key(flow, kind)).await?;
            found.map(|record| record.ceremony(*flow, kind)).transpose()
        })
        .await
    }

    async fn begin_attempt(
        &self,
        flow: &TokenDigest,
        kind: CeremonyKind,
    ) -> Result<Option<Ceremony>, Unavailable> {
        in_time(async {
            let counted = ceremonies(self)
                .find_one_and_update(by_key(flow, kind), doc! { "$inc": { "attempts": 1 } })
                .return_document(ReturnDocument::After)
                .await?;
            counted.map(|record| record.ceremony(*flow, kind)).transpose()
        })
        .await
    }

    async fn take(&self, flow: &TokenDigest, kind: CeremonyKind) -> Result<bool, Unavailable> {
        in_time(async {
            Ok(ceremonies(self).delete_one(by_key(flow, kind)).await?.deleted_count == 1)
        })
        .await
    }

    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable> {
        in_time(async {
            ceremonies(self).delete_many(doc! { "user": id(user.as_bytes()) }).await?;
            Ok(())
        })
        .await
    }

    async fn remove_begun_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        in_time(async {
            let old = doc! { "begun_at": { "$lt": date(moment) } };
            ceremonies(self).delete_many(old).await?;
            Ok(())
        })
        .await
    }
}

impl MongoStore {
    /// `false` if another made the same one at this moment.
    async fn try_to_put_ceremony(&self, ceremony: &Ceremony) -> anyhow::Result<bool> {
        let set = doc! {
            "user": ceremony.user.map(|user| id(user.as_bytes())),
            "state": binary(ceremony.state.as_bytes()),
            "begun_at": date(ceremony.begun_at),
            "attempts": i64::from(ceremony.attempts),
        };
        let key = by_key(&ceremony.flow, ceremony.kind);
        match ceremonies(self).update_one(key, doc! { "$set": set }).upsert(true).await {
            Err(error) if duplicate_key(&error).is_some() => Ok(false),
            put => Ok(put.map(|_| true)?),
        }
    }
}

fn ceremonies(store: &MongoStore) -> Collection<CeremonyRecord> {
    store.collection("ceremonies")
}

fn by_key(flow: &TokenDigest, kind: CeremonyKind) -> Document {
    doc! { "_id": { "flow": binary(&flow.0), "kind": kind.as_str() } }
}

impl CeremonyRecord {
    fn ceremony(self, flow: TokenDigest, kind: CeremonyKind) -> anyhow::Result<Ceremony> {
        Ok(Ceremony {
            flow,
            kind,
            user: self.user.as_ref().map(array).transpose()?.map(UserId::from_bytes),
            state: SealedPayload::new(self.state.bytes),
            begun_at: moment(self.begun_at)?,
            attempts: self.attempts,
        })
    }
}
