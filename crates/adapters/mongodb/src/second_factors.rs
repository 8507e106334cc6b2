use crate::{
    MongoStore,
    bson::{binary, count, date, id, moment, number},
    errors::{duplicate_key, in_time},
};
use application::ports::{SecondFactorRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    id::UserId,
    sealing::{KeyedDigest, SealedPayload},
    second_factor::{AuthenticatorApp, SecondFactor},
    totp::TotpStep,
};
use mongodb::{
    Collection,
    bson::{Binary, Bson, DateTime, Document, doc},
};
use serde::{Deserialize, Serialize};

/// A second factor, as stored.
#[derive(Deserialize, Serialize)]
struct SecondFactorRecord {
    secret: Option<Binary>,
    since: DateTime,
    last_step: i64,
    recovery_codes: Vec<Binary>,
}

#[async_trait]
impl SecondFactorRepository for MongoStore {
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, Unavailable> {
        in_time(async {
            let found = second_factors(self).find_one(by_user(user)).await?;
            found.map(|record| record.second_factor(user)).transpose()
        })
        .await
    }

    async fn put(&self, factor: &SecondFactor) -> Result<bool, Unavailable> {
        let mut older = by_user(factor.user);
        older.insert("since", doc! { "$lt": date(factor.since) });
        let set = doc! {
            "secret": factor.app.as_ref().map(|app| binary(app.secret.as_bytes())),
            "since": date(factor.since),
            "last_step": number(factor.app.as_ref().map_or(0, |app| app.last_step.0)),
            "recovery_codes": stored_codes(&factor.recovery_codes),
        };
        in_time(async {
            let factors = second_factors(self);
            match factors.update_one(older, doc! { "$set": set }).upsert(true).await {
                // One that was set up later, or this very one, is there.
                Err(error) if duplicate_key(&error).is_some() => Ok(false),
                put => Ok(put.map(|_| true)?),
            }
        })
        .await
    }

    async fn use_step(&self, user: UserId, step: TotpStep) -> Result<bool, Unavailable> {
        let step = number(step.0);
        let mut unused = by_user(user);
        unused.insert("last_step", doc! { "$lt": step });
        unused.insert("secret", doc! { "$ne": Bson::Null });
        let change = doc! { "$set": { "last_step": step } };
        in_time(async {
            Ok(second_factors(self).update_one(unused, change).await?.modified_count == 1)
        })
        .await
    }

    async fn take_recovery_code(
        &self,
        user: UserId,
        code: &KeyedDigest,
    ) -> Result<bool, Unavailable> {
        let change = doc! { "$pull": { "recovery_codes": binary(code.as_bytes()) } };
        in_time(async {
            Ok(second_factors(self).update_one(by_user(user), change).await?.modified_count == 1)
        })
        .await
    }

    async fn replace_recovery_codes(
        &self,
        user: UserId,
        codes: &[KeyedDigest],
    ) -> Result<bool, Unavailable> {
        let change = doc! { "$set": { "recovery_codes": stored_codes(codes) } };
        in_time(async {
            Ok(second_factors(self).update_one(by_user(user), change).await?.matched_count == 1)
        })
        .await
    }

    async fn remove(&self, user: UserId) -> Result<bool, Unavailable> {
        in_time(async {
            Ok(second_factors(self).delete_one(by_user(user)).await?.deleted_count == 1)
        })
        .await
    }
}

fn second_factors(store: &MongoStore) -> Collection<SecondFactorRecord> {
    store.collection("second_factors")
}

fn by_user(user: UserId) -> Document {
    doc! { "_id": id(user.as_bytes()) }
}

/// In the order in which they are read from any store.
fn stored_codes(codes: &[KeyedDigest]) -> Vec<Bson> {
    let mut codes: Vec<&[u8]> = codes.iter().map(KeyedDigest::as_bytes).collect();
    codes.sort_unstable();
    codes.into_iter().map(|code| Bson::Binary(binary(code))).collect()
}

impl SecondFactorRecord {
    fn second_factor(self, user: UserId) -> anyhow::Result<SecondFactor> {
        let codes = self.recovery_codes.into_iter().map(|code| KeyedDigest::new(code.bytes));
        let last_step = TotpStep(count(self.last_step)?);
        let app = self.secret.map(|secret| {
            let secret = SealedPayload::new(secret.bytes);
            AuthenticatorApp { secret, last_step }
        });
        let since = moment(self.since)?;
        Ok(SecondFactor { user, since, app, recovery_codes: codes.collect() })
    }
}
