use crate::{
    MongoStore,
    bson::{array, binary, date, id, moment},
    errors::in_time,
    schema::step_1::OUTBOX_BY_DUE,
};
use application::ports::{OutboxRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    outbox::{MailId, OutgoingMail},
    sealing::SealedPayload,
};
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
    options::{Hint, ReturnDocument},
};
use serde::{Deserialize, Serialize};

/// A mail on its way out, as stored.
#[derive(Deserialize, Serialize)]
struct MailRecord {
    #[serde(rename = "_id")]
    id: Binary,
    sealed: Binary,
    created_at: DateTime,
    due_at: DateTime,
    attempts: u32,
}

#[async_trait]
impl OutboxRepository for MongoStore {
    async fn insert(&self, mail: &OutgoingMail) -> Result<(), Unavailable> {
        in_time(async {
            outbox(self).insert_one(MailRecord::from(mail)).await?;
            Ok(())
        })
        .await
    }

    async fn claim_due(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutgoingMail>, Unavailable> {
        let mut claimed = Vec::new();
        while claimed.len() < limit {
            match self.claim_one(now, until).await {
                Ok(Some(mail)) => claimed.push(mail),
                Ok(None) => break,
                // Those claimed already must not wait for their lease to end.
                Err(_) if !claimed.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(claimed)
    }

    async fn postpone(&self, mail: MailId, due_at: Timestamp) -> Result<(), Unavailable> {
        in_time(async {
            let due = doc! { "$set": { "due_at": date(due_at) } };
            outbox(self).update_one(by_id(mail), due).await?;
            Ok(())
        })
        .await
    }

    async fn remove(&self, mail: MailId) -> Result<(), Unavailable> {
        in_time(async {
            outbox(self).delete_one(by_id(mail)).await?;
            Ok(())
        })
        .await
    }

    async fn count(&self) -> Result<u64, Unavailable> {
        let by_due = Hint::Name(OUTBOX_BY_DUE.to_owned());
        // From the index: counting what the collection is said to hold is wrong after a crash.
        in_time(async { Ok(outbox(self).count_documents(doc! {}).hint(by_due).await?) }).await
    }
}

impl MongoStore {
    async fn claim_one(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<OutgoingMail>, Unavailable> {
        in_time(async {
            let due = doc! { "due_at": { "$lte": date(now) } };
            let claim = doc! { "$set": { "due_at": date(until) }, "$inc": { "attempts": 1 } };
            let claimed = outbox(self)
                .find_one_and_update(due, claim)
                .sort(doc! { "due_at": 1, "_id": 1 })
                .return_document(ReturnDocument::After)
                .await?;
            claimed.map(OutgoingMail::try_from).transpose()
        })
        .await
    }
}

fn outbox(store: &MongoStore) -> Collection<MailRecord> {
    store.collection("outbox")
}

fn by_id(mail: MailId) -> Document {
    doc! { "_id": id(mail.as_bytes()) }
}

impl From<&OutgoingMail> for MailRecord {
    fn from(mail: &OutgoingMail) -> Self {
        Self {
            id: id(mail.id.as_bytes()),
            sealed: binary(mail.sealed.as_bytes()),
            created_at: date(mail.created_at),
            due_at: date(mail.due_at),
            attempts: mail.attempts,
        }
    }
}

impl TryFrom<MailRecord> for OutgoingMail {
    type Error = anyhow::Error;

    fn try_from(record: MailRecord) -> anyhow::Result<Self> {
        Ok(Self {
            id: MailId::from_bytes(array(&record.id)?),
            sealed: SealedPayload::new(record.sealed.bytes),
            created_at: moment(record.created_at)?,
            due_at: moment(record.due_at)?,
            attempts: record.attempts,
        })
    }
}
