use crate::{
    MongoStore,
    bson::{array, binary, date, id, moment},
    errors::in_time,
};
use application::ports::{SessionRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    device::Device,
    id::{SessionId, UserId},
    session::Session,
    token::TokenDigest,
};
use futures_util::TryStreamExt as _;
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, net::Ipv4Addr};

/// A session, as stored.
#[derive(Deserialize, Serialize)]
struct SessionRecord {
    #[serde(rename = "_id")]
    id: Binary,
    user: Binary,
    token: Binary,
    created_at: DateTime,
    last_used_at: DateTime,
    #[serde(default)]
    browser: String,
    #[serde(default)]
    system: String,
    /// Older ones have none.
    #[serde(default)]
    address: Option<String>,
}

#[async_trait]
impl SessionRepository for MongoStore {
    async fn insert(&self, session: &Session) -> Result<(), Unavailable> {
        in_time(async {
            sessions(self).insert_one(SessionRecord::from(session)).await?;
            Ok(())
        })
        .await
    }

    async fn find(&self, session: SessionId) -> Result<Option<Session>, Unavailable> {
        self.find_session(by_id(session)).await
    }

    async fn find_by_token(&self, token: &TokenDigest) -> Result<Option<Session>, Unavailable> {
        self.find_session(doc! { "token": binary(&token.0) }).await
    }

    async fn touch(&self, session: SessionId, used_at: Timestamp) -> Result<(), Unavailable> {
        in_time(async {
            let used = doc! { "$max": { "last_used_at": date(used_at) } };
            sessions(self).update_one(by_id(session), used).await?;
            Ok(())
        })
        .await
    }

    async fn list_by_user(&self, user: UserId) -> Result<Vec<Session>, Unavailable> {
        in_time(async {
            let found = sessions(self).find(doc! { "user": id(user.as_bytes()) }).await?;
            let records: Vec<SessionRecord> = found.try_collect().await?;
            let listed = records.into_iter().map(Session::try_from);
            let mut listed = listed.collect::<anyhow::Result<Vec<_>>>()?;
            listed.sort_by_key(|session| Reverse((session.last_used_at, session.id)));
            Ok(listed)
        })
        .await
    }

    async fn remove(&self, session: SessionId) -> Result<(), Unavailable> {
        in_time(async {
            sessions(self).delete_one(by_id(session)).await?;
            Ok(())
        })
        .await
    }

    async fn remove_by_user(
        &self,
        user: UserId,
        keep: Option<SessionId>,
    ) -> Result<Vec<SessionId>, Unavailable> {
        let mut ended: Vec<_> = self.list_by_user(user).await?.iter().map(|s| s.id).collect();
        ended.retain(|session| Some(*session) != keep);
        // Those that were listed and no others: each that ends is told.
        let ids: Vec<_> = ended.iter().map(|session| id(session.as_bytes())).collect();
        in_time(async {
            sessions(self).delete_many(doc! { "_id": { "$in": ids } }).await?;
            Ok(ended)
        })
        .await
    }

    async fn remove_stale(
        &self,
        used_before: Timestamp,
        begun_before: Timestamp,
    ) -> Result<(), Unavailable> {
        in_time(async {
            let (unused, old) =
                (doc! { "$lt": date(used_before) }, doc! { "$lt": date(begun_before) });
            sessions(self).delete_many(doc! { "last_used_at": unused }).await?;
            sessions(self).delete_many(doc! { "created_at": old }).await?;
            Ok(())
        })
        .await
    }
}

impl MongoStore {
    async fn find_session(&self, filter: Document) -> Result<Option<Session>, Unavailable> {
        let found =
            async { sessions(self).find_one(filter).await?.map(Session::try_from).transpose() };
        in_time(found).await
    }
}

fn sessions(store: &MongoStore) -> Collection<SessionRecord> {
    store.collection("sessions")
}

fn by_id(session: SessionId) -> Document {
    doc! { "_id": id(session.as_bytes()) }
}

impl From<&Session> for SessionRecord {
    fn from(session: &Session) -> Self {
        Self {
            id: id(session.id.as_bytes()),
            user: id(session.user.as_bytes()),
            token: binary(&session.token.0),
            created_at: date(session.created_at),
            last_used_at: date(session.last_used_at),
            browser: session.device.browser.clone(),
            system: session.device.system.clone(),
            address: Some(session.device.address.to_string()),
        }
    }
}

impl TryFrom<SessionRecord> for Session {
    type Error = anyhow::Error;

    fn try_from(record: SessionRecord) -> anyhow::Result<Self> {
        Ok(Self {
            id: SessionId::from_bytes(array(&record.id)?),
            user: UserId::from_bytes(array(&record.user)?),
            token: TokenDigest(array(&record.token)?),
            created_at: moment(record.created_at)?,
            last_used_at: moment(record.last_used_at)?,
            device: Device {
                browser: record.browser,
                system: record.system,
                address: match record.address {
                    Some(address) => address.parse()?,
                    None => Ipv4Addr::UNSPECIFIED.into(),
                },
            },
        })
    }
}
