//! Reading many documents in one round trip.
use futures_util::TryStreamExt;
use mongodb::{Database, bson::Document, options::Hint};
use serde::de::DeserializeOwned;

/// More than anything here is ever asked for at once, so that it comes without being asked for
/// twice. (What exceeds 16 MiB still comes, in several goes.)
const BATCH: u32 = 100_000;

/// What a pipeline gives.
pub(crate) async fn aggregate<T>(
    database: &Database,
    collection: &str,
    pipeline: Vec<Document>,
) -> anyhow::Result<Vec<T>>
where
    T: DeserializeOwned + Send + Sync + Unpin,
{
    let collection = database.collection::<Document>(collection);
    let found = collection.aggregate(pipeline).batch_size(BATCH).with_type().await?;
    Ok(found.try_collect().await?)
}

/// What a pipeline gives that begins at this index.
pub(crate) async fn aggregate_by<T>(
    database: &Database,
    collection: &str,
    pipeline: Vec<Document>,
    index: &str,
) -> anyhow::Result<Vec<T>>
where
    T: DeserializeOwned + Send + Sync + Unpin,
{
    let collection = database.collection::<Document>(collection);
    let by_index = collection.aggregate(pipeline).hint(Hint::Name(index.to_owned()));
    Ok(by_index.batch_size(BATCH).with_type().await?.try_collect().await?)
}

/// Up to `limit` documents that match, in an order, without some fields.
pub(crate) async fn find<T>(
    database: &Database,
    collection: &str,
    filter: Document,
    shown: Shown,
) -> anyhow::Result<Vec<T>>
where
    T: DeserializeOwned + Send + Sync + Unpin,
{
    let collection = database.collection::<T>(collection);
    let mut found = collection.find(filter).projection(shown.fields).batch_size(BATCH);
    if let Some(order) = shown.order {
        found = found.sort(order);
    }
    if let Some(limit) = shown.limit {
        found = found.limit(limit);
    }
    Ok(found.await?.try_collect().await?)
}

/// What is to be seen of documents.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) fields: Document,
    pub(crate) order: Option<Document>,
    pub(crate) limit: Option<i64>,
}
