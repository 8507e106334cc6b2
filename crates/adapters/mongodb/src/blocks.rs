use crate::{
    MongoStore,
    bson::{array, date, id, length, moment},
    errors::{duplicate_key, in_time},
};
use application::ports::{BlockRepository, Unavailable};
use async_trait::async_trait;
use domain::{block::Block, id::UserId};
use futures_util::TryStreamExt as _;
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
};
use serde::{Deserialize, Serialize};

/// A block, as stored.
#[derive(Deserialize, Serialize)]
struct BlockRecord {
    blocker: Binary,
    blocked: Binary,
    created_at: DateTime,
}

#[async_trait]
impl BlockRepository for MongoStore {
    async fn insert(&self, block: &Block) -> Result<(), Unavailable> {
        in_time(async {
            match blocks(self).insert_one(BlockRecord::from(block)).await {
                // It is there.
                Err(error) if duplicate_key(&error).is_some() => Ok(()),
                inserted => Ok(inserted.map(|_| ())?),
            }
        })
        .await
    }

    async fn remove(&self, blocker: UserId, whom: UserId) -> Result<(), Unavailable> {
        in_time(async {
            let pair = doc! { "blocked": id(whom.as_bytes()), "blocker": id(blocker.as_bytes()) };
            blocks(self).delete_one(pair).await?;
            Ok(())
        })
        .await
    }

    async fn list_by_blocker(&self, blocker: UserId) -> Result<Vec<Block>, Unavailable> {
        in_time(async {
            let found = blocks(self)
                .find(doc! { "blocker": id(blocker.as_bytes()) })
                .sort(doc! { "created_at": -1, "_id": -1 })
                .limit(length(Block::MOST + 1))
                .await?;
            let records: Vec<BlockRecord> = found.try_collect().await?;
            records.into_iter().map(Block::try_from).collect()
        })
        .await
    }

    async fn list_between(
        &self,
        user: UserId,
        others: &[UserId],
    ) -> Result<Vec<Block>, Unavailable> {
        let others: Vec<Binary> = others.iter().map(|other| id(other.as_bytes())).collect();
        let user = id(user.as_bytes());
        let put = doc! { "blocked": { "$in": &others }, "blocker": &user };
        let met = doc! { "blocked": &user, "blocker": { "$in": &others } };
        in_time(async {
            let found = blocks(self).find(doc! { "$or": [put, met] }).await?;
            let records: Vec<BlockRecord> = found.try_collect().await?;
            records.into_iter().map(Block::try_from).collect()
        })
        .await
    }

    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable> {
        in_time(async {
            for side in ["blocker", "blocked"] {
                let theirs: Document = doc! { side: id(user.as_bytes()) };
                blocks(self).delete_many(theirs).await?;
            }
            Ok(())
        })
        .await
    }
}

fn blocks(store: &MongoStore) -> Collection<BlockRecord> {
    store.collection("blocks")
}

impl From<&Block> for BlockRecord {
    fn from(block: &Block) -> Self {
        Self {
            blocker: id(block.blocker.as_bytes()),
            blocked: id(block.blocked.as_bytes()),
            created_at: date(block.created_at),
        }
    }
}

impl TryFrom<BlockRecord> for Block {
    type Error = anyhow::Error;

    fn try_from(record: BlockRecord) -> anyhow::Result<Self> {
        Ok(Self {
            blocker: UserId::from_bytes(array(&record.blocker)?),
            blocked: UserId::from_bytes(array(&record.blocked)?),
            created_at: moment(record.created_at)?,
        })
    }
}
