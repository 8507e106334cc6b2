use crate::{
    MongoStore,
    bson::{array, binary, date, id, moment},
    errors::{duplicate_key, in_time},
    schema::step_1::REGISTRATIONS_BY_FLOW,
};
use application::ports::{RegistrationRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp, email::Email, id::RegistrationId, name::PersonName, otp::Otp,
    password::PasswordHash, registration::Registration, sealing::KeyedDigest, token::TokenDigest,
    username::Username,
};
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc, serialize_to_document},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

/// A sign-up, as stored.
#[derive(Deserialize, Serialize)]
struct RegistrationRecord {
    #[serde(rename = "_id")]
    id: Binary,
    flow: Binary,
    username: String,
    username_key: String,
    email: String,
    first_name: String,
    last_name: String,
    password_hash: String,
    otp_digest: Binary,
    otp_sent_at: DateTime,
    otp_attempts: u32,
    created_at: DateTime,
}

/// How often a flow is freed for a sign-up before others that want it at the same moment have it.
const TRIES: usize = 10;

#[async_trait]
impl RegistrationRepository for MongoStore {
    async fn insert(&self, registration: &Registration) -> Result<(), Unavailable> {
        in_time(async {
            let mut set = serialize_to_document(&RegistrationRecord::from(registration))?;
            set.remove("_id");
            self.put_under_flow(registration.id, set, true).await
        })
        .await
    }

    async fn amend(&self, registration: &Registration) -> Result<(), Unavailable> {
        let set = doc! {
            "username": registration.username.as_str(),
            "username_key": registration.username.key(),
            "first_name": registration.first_name.as_str(),
            "last_name": registration.last_name.as_str(),
            "password_hash": registration.password.as_str(),
        };
        let by_id = doc! { "_id": id(registration.id.as_bytes()) };
        in_time(async {
            registrations(self).update_one(by_id, doc! { "$set": set }).await?;
            Ok(())
        })
        .await
    }

    async fn find_by_flow(&self, flow: &TokenDigest) -> Result<Option<Registration>, Unavailable> {
        in_time(async { found(registrations(self).find_one(by_flow(flow)).await?) }).await
    }

    async fn find_newest_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<Registration>, Unavailable> {
        self.find_newest(doc! { "email": email.as_str() }).await
    }

    async fn find_newest_by_username(
        &self,
        username: &Username,
    ) -> Result<Option<Registration>, Unavailable> {
        self.find_newest(doc! { "username_key": username.key() }).await
    }

    async fn begin_attempt(&self, flow: &TokenDigest) -> Result<Option<Registration>, Unavailable> {
        in_time(async {
            let counted = registrations(self)
                .find_one_and_update(by_flow(flow), doc! { "$inc": { "otp_attempts": 1 } })
                .return_document(ReturnDocument::After)
                .await?;
            found(counted)
        })
        .await
    }

    async fn replace_otp(
        &self,
        registration: RegistrationId,
        sent_before: Timestamp,
        otp: &Otp,
    ) -> Result<bool, Unavailable> {
        let as_sent = doc! { "_id": id(registration.as_bytes()), "otp_sent_at": date(sent_before) };
        let set = doc! {
            "otp_digest": binary(otp.digest.as_bytes()),
            "otp_sent_at": date(otp.sent_at),
            "otp_attempts": i64::from(otp.attempts),
        };
        in_time(async {
            let replaced = registrations(self).update_one(as_sent, doc! { "$set": set }).await?;
            Ok(replaced.matched_count == 1)
        })
        .await
    }

    async fn move_flow(
        &self,
        registration: RegistrationId,
        flow: &TokenDigest,
    ) -> Result<(), Unavailable> {
        in_time(self.put_under_flow(registration, doc! { "flow": binary(&flow.0) }, false)).await
    }

    async fn remove_by_email(&self, email: &Email) -> Result<(), Unavailable> {
        self.remove_registrations(doc! { "email": email.as_str() }).await
    }

    async fn remove_begun_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        self.remove_registrations(doc! { "created_at": { "$lt": date(moment) } }).await
    }
}

impl MongoStore {
    /// Sets fields of a sign-up, its flow among them, and removes another sign-up of that flow.
    /// Of two at once, the one put last stays. Makes it where it is not there, if asked to.
    async fn put_under_flow(
        &self,
        registration: RegistrationId,
        set: Document,
        make: bool,
    ) -> anyhow::Result<()> {
        let id = id(registration.as_bytes());
        let others = doc! { "flow": set.get("flow"), "_id": { "$ne": id.clone() } };
        let (by_id, set) = (doc! { "_id": id }, doc! { "$set": set });
        for _ in 0..TRIES {
            registrations(self).delete_one(others.clone()).await?;
            let put = registrations(self).update_one(by_id.clone(), set.clone()).upsert(make).await;
            match put {
                Err(error) if duplicate_key(&error) == Some(REGISTRATIONS_BY_FLOW) => {}
                put => return Ok(put.map(|_| ())?),
            }
        }
        anyhow::bail!("a flow was taken again and again")
    }

    async fn find_newest(&self, filter: Document) -> Result<Option<Registration>, Unavailable> {
        in_time(async {
            let newest = doc! { "created_at": -1, "_id": -1 };
            found(registrations(self).find_one(filter).sort(newest).await?)
        })
        .await
    }

    async fn remove_registrations(&self, filter: Document) -> Result<(), Unavailable> {
        in_time(async {
            registrations(self).delete_many(filter).await?;
            Ok(())
        })
        .await
    }
}

fn registrations(store: &MongoStore) -> Collection<RegistrationRecord> {
    store.collection("registrations")
}

fn by_flow(flow: &TokenDigest) -> Document {
    doc! { "flow": binary(&flow.0) }
}

fn found(record: Option<RegistrationRecord>) -> anyhow::Result<Option<Registration>> {
    record.map(Registration::try_from).transpose()
}

impl From<&Registration> for RegistrationRecord {
    fn from(registration: &Registration) -> Self {
        Self {
            id: id(registration.id.as_bytes()),
            flow: binary(&registration.flow.0),
            username: registration.username.as_str().to_owned(),
            username_key: registration.username.key(),
            email: registration.email.as_str().to_owned(),
            first_name: registration.first_name.as_str().to_owned(),
            last_name: registration.last_name.as_str().to_owned(),
            password_hash: registration.password.as_str().to_owned(),
            otp_digest: binary(registration.otp.digest.as_bytes()),
            otp_sent_at: date(registration.otp.sent_at),
            otp_attempts: registration.otp.attempts,
            created_at: date(registration.created_at),
        }
    }
}

impl TryFrom<RegistrationRecord> for Registration {
    type Error = anyhow::Error;

    fn try_from(record: RegistrationRecord) -> anyhow::Result<Self> {
        Ok(Self {
            id: RegistrationId::from_bytes(array(&record.id)?),
            flow: TokenDigest(array(&record.flow)?),
            username: Username::parse(&record.username)?,
            email: Email::parse(&record.email)?,
            first_name: PersonName::parse(&record.first_name)?,
            last_name: PersonName::parse(&record.last_name)?,
            password: PasswordHash::new(record.password_hash),
            otp: Otp {
                digest: KeyedDigest::new(record.otp_digest.bytes),
                sent_at: moment(record.otp_sent_at)?,
                attempts: record.otp_attempts,
            },
            created_at: moment(record.created_at)?,
        })
    }
}
