use crate::{
    MongoStore,
    bson::{array, binary, date, id, moment},
    errors::{duplicate_key, in_time},
};
use application::ports::{PasskeyRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    id::{PasskeyId, UserId},
    passkey::{Passkey, PasskeyName},
};
use futures_util::TryStreamExt as _;
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
};
use serde::{Deserialize, Serialize};

/// A passkey, as stored.
#[derive(Deserialize, Serialize)]
struct PasskeyRecord {
    #[serde(rename = "_id")]
    id: Binary,
    user: Binary,
    credential_id: Binary,
    credential: Binary,
    name: String,
    created_at: DateTime,
    last_used_at: Option<DateTime>,
}

#[async_trait]
impl PasskeyRepository for MongoStore {
    async fn insert(&self, passkey: &Passkey) -> Result<bool, Unavailable> {
        let record = PasskeyRecord::from(passkey);
        in_time(async {
            match passkeys(self).insert_one(record).await {
                Err(error) if duplicate_key(&error).is_some() => Ok(false),
                inserted => Ok(inserted.map(|_| true)?),
            }
        })
        .await
    }

    async fn list_by_user(&self, user: UserId) -> Result<Vec<Passkey>, Unavailable> {
        in_time(async {
            let order = doc! { "created_at": 1, "_id": 1 };
            let found = passkeys(self).find(by_user(user)).sort(order).await?;
            let records: Vec<PasskeyRecord> = found.try_collect().await?;
            records.into_iter().map(Passkey::try_from).collect()
        })
        .await
    }

    async fn note_use(
        &self,
        user: UserId,
        id: PasskeyId,
        credential: &[u8],
        used_at: Timestamp,
    ) -> Result<(), Unavailable> {
        let set = doc! { "credential": binary(credential), "last_used_at": date(used_at) };
        in_time(async {
            passkeys(self).update_one(one_of(user, id), doc! { "$set": set }).await?;
            Ok(())
        })
        .await
    }

    async fn remove(&self, user: UserId, id: PasskeyId) -> Result<bool, Unavailable> {
        in_time(async { Ok(passkeys(self).delete_one(one_of(user, id)).await?.deleted_count == 1) })
            .await
    }

    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable> {
        in_time(async {
            passkeys(self).delete_many(by_user(user)).await?;
            Ok(())
        })
        .await
    }
}

fn passkeys(store: &MongoStore) -> Collection<PasskeyRecord> {
    store.collection("passkeys")
}

fn by_user(user: UserId) -> Document {
    doc! { "user": id(user.as_bytes()) }
}

fn one_of(user: UserId, passkey: PasskeyId) -> Document {
    doc! { "_id": id(passkey.as_bytes()), "user": id(user.as_bytes()) }
}

impl From<&Passkey> for PasskeyRecord {
    fn from(passkey: &Passkey) -> Self {
        Self {
            id: id(passkey.id.as_bytes()),
            user: id(passkey.user.as_bytes()),
            credential_id: binary(&passkey.credential_id),
            credential: binary(&passkey.credential),
            name: passkey.name.as_str().to_owned(),
            created_at: date(passkey.created_at),
            last_used_at: passkey.last_used_at.map(date),
        }
    }
}

impl TryFrom<PasskeyRecord> for Passkey {
    type Error = anyhow::Error;

    fn try_from(record: PasskeyRecord) -> anyhow::Result<Self> {
        Ok(Self {
            id: PasskeyId::from_bytes(array(&record.id)?),
            user: UserId::from_bytes(array(&record.user)?),
            credential_id: record.credential_id.bytes,
            credential: record.credential.bytes,
            name: PasskeyName::parse(&record.name)?,
            created_at: moment(record.created_at)?,
            last_used_at: record.last_used_at.map(moment).transpose()?,
        })
    }
}
