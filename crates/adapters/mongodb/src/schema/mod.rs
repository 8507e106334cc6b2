//! The shape of the database, one numbered step after another. Why it is done so is in
//! `docs/adr/0009-schema-of-mongodb.md`.
pub(crate) mod step_1;

use domain::TimeDelta;
use mongodb::{
    Database, IndexModel,
    bson::{Bson, Document},
    options::{CommitQuorum, IndexOptions},
};
use std::time::Duration;

/// What the server's clock and ours may differ by, and then some: an index only sweeps up what
/// the domain has long judged to be over.
const MARGIN: Duration = Duration::from_secs(60 * 60);

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

/// Makes what is missing; what is there already stays as it is. A member of the replica set that
/// is down holds nothing up.
pub(crate) async fn create(database: &Database, collections: &[Collection]) -> anyhow::Result<()> {
    for Collection { name, indexes } in collections {
        let models: Vec<_> = indexes.iter().map(Index::model).collect();
        if models.is_empty() {
            continue;
        }
        let collection = database.collection::<Document>(name);
        collection.create_indexes(models).commit_quorum(CommitQuorum::Majority).await?;
    }
    Ok(())
}
