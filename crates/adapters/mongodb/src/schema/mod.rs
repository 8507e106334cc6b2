//! The shape of the database, one numbered step after another. Why it is done so is in
//! `docs/adr/0009-schema-of-mongodb.md`.
pub(crate) mod step_1;
pub(crate) mod step_2;
pub(crate) mod step_3;

use crate::{OpenError, greeting::refused};
use anyhow::anyhow;
use domain::TimeDelta;
use futures_util::future::try_join_all;
use mongodb::{
    Database, IndexModel,
    bson::{Bson, Document, doc},
    error::{Error, ErrorKind},
    options::{CommitQuorum, IndexOptions},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the server's clock and ours may differ by, and then some: an index only sweeps up what
/// the domain has long judged to be over.
const MARGIN: Duration = Duration::from_hours(1);

/// A collection as a step declares it.
pub(crate) struct Collection {
    pub(crate) name: &'static str,
    pub(crate) indexes: &'static [Index],
}

/// An index as a step declares it.
#[derive(Clone, Copy)]
pub(crate) struct Index {
    name: &'static str,
    /// Fields, each with 1 (ascending) or -1 (descending).
    keys: &'static [(&'static str, i32)],
    unique: bool,
    expires: Option<TimeDelta>,
    /// Only documents that match are in it.
    only: Option<fn() -> Document>,
}

/// An index under a name that is never used for another.
pub(crate) const fn index(name: &'static str, keys: &'static [(&'static str, i32)]) -> Index {
    Index { name, keys, unique: false, expires: None, only: None }
}

impl Index {
    /// Holds every value once.
    pub(crate) const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    /// Has documents removed, some time after their date (the one field) lies so far back.
    pub(crate) const fn expiring(self, after: TimeDelta) -> Self {
        Self { expires: Some(after), ..self }
    }

    /// Holds only the documents that match.
    pub(crate) const fn only(self, matching: fn() -> Document) -> Self {
        Self { only: Some(matching), ..self }
    }

    fn model(&self) -> IndexModel {
        let keys: Document =
            self.keys.iter().map(|(field, way)| ((*field).to_owned(), Bson::from(*way))).collect();
        let expires = self.expires.and_then(|after| after.to_std().ok());
        let options = IndexOptions::builder()
            .name(self.name.to_owned())
            .unique(self.unique.then_some(true))
            .expire_after(expires.map(|after| after + MARGIN))
            .partial_filter_expression(self.only.map(|matching| matching()))
            .build();
        IndexModel::builder().keys(keys).options(options).build()
    }
}

/// The schema that this program knows: the number of the last step.
const KNOWN: i64 = 3;
/// What each step adds.
const STEPS: [&[Collection]; 3] = [step_1::COLLECTIONS, step_2::COLLECTIONS, step_3::COLLECTIONS];
/// The oldest schema whose programs can use what the steps up to [`KNOWN`] leave.
const READABLE_FROM: i64 = 1;
/// The collection, and the one document in it, that say what shape the database has.
const SCHEMA: &str = "schema";

/// How long reading the schema takes at most.
const READING: Duration = Duration::from_secs(5);
/// How long a step, or noting it, may take. The server goes on building an index that nobody waits for any more,
/// and the next start finds it further.
const STEP: Duration = Duration::from_mins(1);

/// What shape a database has.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Schema {
    /// The last step taken.
    version: i64,
    /// Programs that know less than this step must not use it.
    readable_from: i64,
}

/// Brings a database to the shape this program knows. Each step can be taken twice and by several
/// at once, and leaves what older programs need.
pub(crate) async fn migrate(database: &Database) -> Result<(), OpenError> {
    let version = readable(database).await?.map_or(0, |schema| schema.version);
    if version >= KNOWN {
        return Ok(());
    }
    note(database, doc! { "readable_from": READABLE_FROM }).await?;
    for step in STEPS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        timed(database, STEP, create(database, step)).await?;
    }
    note(database, doc! { "version": KNOWN }).await
}

/// Whether this program may use the database; one that is new is fine. Changes nothing.
pub(crate) async fn check(database: &Database) -> Result<(), OpenError> {
    readable(database).await.map(|_| ())
}

async fn readable(database: &Database) -> Result<Option<Schema>, OpenError> {
    let schema = timed(database, READING, async {
        database.collection::<Schema>(SCHEMA).find_one(doc! { "_id": SCHEMA }).await
    })
    .await?;
    match schema {
        Some(Schema { version, readable_from }) if readable_from > KNOWN => {
            Err(OpenError::NewerSchema { version, readable_from, known: KNOWN })
        }
        schema => Ok(schema),
    }
}

/// Notes how far a step has come. A newer program may have noted more meanwhile.
async fn note(database: &Database, reached: Document) -> Result<(), OpenError> {
    timed(database, STEP, async {
        let schema = database.collection::<Document>(SCHEMA);
        let unset =
            ["version", "readable_from"].into_iter().filter(|key| !reached.contains_key(key));
        let zero: Document = unset.map(|key| (key.to_owned(), Bson::Int64(0))).collect();
        let change = doc! { "$max": reached.clone(), "$setOnInsert": zero };
        schema.update_one(doc! { "_id": SCHEMA }, change).upsert(true).await
    })
    .await
    .map(|_| ())
}

async fn timed<T>(
    database: &Database,
    limit: Duration,
    work: impl Future<Output = mongodb::error::Result<T>>,
) -> Result<T, OpenError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result.map_err(|error| refused(&error, database)),
        Err(_) => Err(OpenError::Failed(anyhow!("no answer within {limit:?}"))),
    }
}

/// Makes what is missing; what is there already stays as it is. A member of the replica set that
/// is down holds nothing up.
async fn create(database: &Database, collections: &[Collection]) -> mongodb::error::Result<()> {
    let created = collections.iter().map(async |Collection { name, indexes }| {
        let models: Vec<_> = indexes.iter().map(Index::model).collect();
        if models.is_empty() {
            return create_bare(database, name).await;
        }
        let collection = database.collection::<Document>(name);
        let created = collection.create_indexes(models).commit_quorum(CommitQuorum::Majority);
        created.await.map(|_| ())
    });
    try_join_all(created).await.map(|_| ())
}

/// A collection with no index but that of its names; without it, a first transaction would have to
/// make the collection.
async fn create_bare(database: &Database, name: &str) -> mongodb::error::Result<()> {
    match database.create_collection(name).await {
        Err(error) if is_there_already(&error) => Ok(()),
        created => created,
    }
}

fn is_there_already(error: &Error) -> bool {
    const NAMESPACE_EXISTS: i32 = 48;
    matches!(&*error.kind, ErrorKind::Command(refusal) if refusal.code == NAMESPACE_EXISTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        ceremony::Ceremony, external_sign_in::ExternalSignIn, known_device::KnownDevice, otp::Otp,
        outbox::OutgoingMail, password_reset::PasswordReset, registration::Registration,
        session::Session,
    };

    #[test]
    fn an_index_sweeps_up_only_what_is_long_over() {
        let declared = STEPS.into_iter().flatten().flat_map(|collection| collection.indexes);
        let swept: Vec<_> = declared
            .filter_map(|index| Some((index.name, index.model().options?.expire_after?)))
            .collect();
        let after = |lifetime: TimeDelta| lifetime.to_std().expect("ahead") + MARGIN;
        let expected = [
            ("registrations_by_age", after(Registration::LIFETIME)),
            ("sessions_by_age", after(Session::ABSOLUTE)),
            ("sessions_by_use", after(Session::IDLE)),
            ("outbox_by_age", after(OutgoingMail::LIFETIME)),
            ("known_devices_by_use", after(KnownDevice::LIFETIME)),
            ("challenges_by_age", after(Otp::LIFETIME)),
            ("password_resets_by_age", after(PasswordReset::LIFETIME)),
            ("ceremonies_by_age", after(Ceremony::LIFETIME)),
            ("external_sign_ins_by_age", after(ExternalSignIn::LIFETIME)),
        ];
        assert_eq!(swept, expected);
    }

    #[test]
    fn no_two_indexes_share_a_name() {
        let declared = STEPS.into_iter().flatten().flat_map(|collection| collection.indexes);
        let mut names: Vec<_> = declared.map(|index| index.name).collect();
        let declared = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), declared);
    }
}
