use crate::{
    MongoStore,
    bson::{array, binary, date, id, moment},
    errors::{duplicate_key, in_time},
};
use application::ports::{PasswordResetRepository, Unavailable};
use async_trait::async_trait;
use domain::{Timestamp, id::UserId, password_reset::PasswordReset, token::TokenDigest};
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
};
use serde::{Deserialize, Serialize};

/// A link, as stored.
#[derive(Deserialize, Serialize)]
struct PasswordResetRecord {
    #[serde(rename = "_id")]
    user: Binary,
    token: Binary,
    created_at: DateTime,
}

#[async_trait]
impl PasswordResetRepository for MongoStore {
    async fn put(&self, reset: &PasswordReset, made_until: Timestamp) -> Result<bool, Unavailable> {
        let user = id(reset.user.as_bytes());
        let older = doc! { "_id": user, "created_at": { "$lte": date(made_until) } };
        let set = doc! { "token": binary(&reset.token.0), "created_at": date(reset.created_at) };
        in_time(async {
            let resets = resets(self);
            match resets.update_one(older, doc! { "$set": set }).upsert(true).await {
                // One that was made later is there.
                Err(error) if duplicate_key(&error).is_some() => Ok(false),
                put => Ok(put.map(|_| true)?),
            }
        })
        .await
    }

    async fn find(&self, token: &TokenDigest) -> Result<Option<PasswordReset>, Unavailable> {
        in_time(async { found(resets(self).find_one(by_token(token)).await?) }).await
    }

    async fn take(&self, token: &TokenDigest) -> Result<Option<PasswordReset>, Unavailable> {
        in_time(async { found(resets(self).find_one_and_delete(by_token(token)).await?) }).await
    }

    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable> {
        in_time(async {
            resets(self).delete_one(doc! { "_id": id(user.as_bytes()) }).await?;
            Ok(())
        })
        .await
    }

    async fn remove_made_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        in_time(async {
            resets(self).delete_many(doc! { "created_at": { "$lt": date(moment) } }).await?;
            Ok(())
        })
        .await
    }
}

fn resets(store: &MongoStore) -> Collection<PasswordResetRecord> {
    store.collection("password_resets")
}

fn by_token(token: &TokenDigest) -> Document {
    doc! { "token": binary(&token.0) }
}

fn found(record: Option<PasswordResetRecord>) -> anyhow::Result<Option<PasswordReset>> {
    let reset = |record: PasswordResetRecord| {
        Ok(PasswordReset {
            user: UserId::from_bytes(array(&record.user)?),
            token: TokenDigest(array(&record.token)?),
            created_at: moment(record.created_at)?,
        })
    };
    record.map(reset).transpose()
}
