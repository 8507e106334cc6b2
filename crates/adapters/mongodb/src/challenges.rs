use crate::{
    MongoStore,
    bson::{array, binary, date, id, moment},
    errors::{duplicate_key, in_time},
};
use application::ports::{ChallengeRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    challenge::{Challenge, ChallengePurpose},
    email::Email,
    id::{SessionId, UserId},
    otp::Otp,
    sealing::KeyedDigest,
};
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

/// A challenge, as stored.
#[derive(Deserialize, Serialize)]
struct ChallengeRecord {
    user: Binary,
    email: String,
    otp_digest: Binary,
    otp_sent_at: DateTime,
    otp_attempts: u32,
}

#[async_trait]
impl ChallengeRepository for MongoStore {
    async fn put(&self, challenge: &Challenge, sent_until: Timestamp) -> Result<bool, Unavailable> {
        let mut sent_before = by_key(challenge.session, challenge.purpose);
        sent_before.insert("otp_sent_at", doc! { "$lte": date(sent_until) });
        let set = doc! {
            "user": id(challenge.user.as_bytes()),
            "email": challenge.email.as_str(),
            "otp_digest": binary(challenge.otp.digest.as_bytes()),
            "otp_sent_at": date(challenge.otp.sent_at),
            "otp_attempts": i64::from(challenge.otp.attempts),
        };
        in_time(async {
            let challenges = challenges(self);
            let put = challenges.update_one(sent_before, doc! { "$set": set }).upsert(true).await;
            match put {
                // One that was sent later is there.
                Err(error) if duplicate_key(&error).is_some() => Ok(false),
                put => Ok(put.map(|_| true)?),
            }
        })
        .await
    }

    async fn begin_attempt(
        &self,
        session: SessionId,
        purpose: ChallengePurpose,
    ) -> Result<Option<Challenge>, Unavailable> {
        in_time(async {
            let counted = challenges(self)
                .find_one_and_update(
                    by_key(session, purpose),
                    doc! { "$inc": { "otp_attempts": 1 } },
                )
                .return_document(ReturnDocument::After)
                .await?;
            counted.map(|record| record.challenge(session, purpose)).transpose()
        })
        .await
    }

    async fn take(&self, challenge: &Challenge) -> Result<bool, Unavailable> {
        let mut this = by_key(challenge.session, challenge.purpose);
        this.insert("otp_digest", binary(challenge.otp.digest.as_bytes()));
        in_time(async { Ok(challenges(self).delete_one(this).await?.deleted_count == 1) }).await
    }

    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable> {
        in_time(async {
            challenges(self).delete_many(doc! { "user": id(user.as_bytes()) }).await?;
            Ok(())
        })
        .await
    }

    async fn remove_sent_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        in_time(async {
            let old = doc! { "otp_sent_at": { "$lt": date(moment) } };
            challenges(self).delete_many(old).await?;
            Ok(())
        })
        .await
    }
}

fn challenges(store: &MongoStore) -> Collection<ChallengeRecord> {
    store.collection("challenges")
}

fn by_key(session: SessionId, purpose: ChallengePurpose) -> Document {
    doc! { "_id": { "session": id(session.as_bytes()), "purpose": purpose.as_str() } }
}

impl ChallengeRecord {
    fn challenge(self, session: SessionId, purpose: ChallengePurpose) -> anyhow::Result<Challenge> {
        Ok(Challenge {
            session,
            purpose,
            user: UserId::from_bytes(array(&self.user)?),
            email: Email::parse(&self.email)?,
            otp: Otp {
                digest: KeyedDigest::new(self.otp_digest.bytes),
                sent_at: moment(self.otp_sent_at)?,
                attempts: self.otp_attempts,
            },
        })
    }
}
