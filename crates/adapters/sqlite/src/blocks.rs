use crate::{
    SqliteStore,
    rows::{id_list, length, millis, moment},
};
use application::ports::{BlockRepository, Unavailable};
use async_trait::async_trait;
use domain::{block::Block, id::UserId};
use rusqlite::{Row, params};

macro_rules! select_blocks {
    ($rest:literal) => {
        concat!("SELECT blocker, blocked, created_at FROM blocks WHERE ", $rest)
    };
}

statements! {
    INSERT = "INSERT INTO blocks (blocker, blocked, created_at) VALUES (?1, ?2, ?3)
        ON CONFLICT DO NOTHING";
    REMOVE = "DELETE FROM blocks WHERE blocker = ?1 AND blocked = ?2";
    LIST_BY_BLOCKER =
        select_blocks!("blocker = ?1 ORDER BY created_at DESC, blocked DESC LIMIT ?2");
    LIST_PUT = select_blocks!(
        "blocker = ?1 AND blocked IN (SELECT unhex(value) FROM json_each(?2))"
    );
    LIST_MET = select_blocks!(
        "blocked = ?1 AND blocker IN (SELECT unhex(value) FROM json_each(?2))"
    );
    REMOVE_PUT = "DELETE FROM blocks WHERE blocker = ?1";
    REMOVE_MET = "DELETE FROM blocks WHERE blocked = ?1";
}

#[async_trait]
impl BlockRepository for SqliteStore {
    async fn insert(&self, block: &Block) -> Result<(), Unavailable> {
        let block = *block;
        self.write(move |conn| {
            conn.prepare_cached(INSERT)?.execute(params![
                block.blocker.as_bytes(),
                block.blocked.as_bytes(),
                millis(block.created_at),
            ])?;
            Ok(())
        })
        .await
    }

    async fn remove(&self, blocker: UserId, whom: UserId) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE)?.execute([blocker.as_bytes(), whom.as_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn list_by_blocker(&self, blocker: UserId) -> Result<Vec<Block>, Unavailable> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(LIST_BY_BLOCKER)?;
            let parameters = params![blocker.as_bytes(), length(Block::MOST + 1)];
            let blocks = statement.query_map(parameters, block)?;
            Ok(blocks.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn list_between(
        &self,
        user: UserId,
        others: &[UserId],
    ) -> Result<Vec<Block>, Unavailable> {
        let others = id_list(others.iter().map(UserId::as_bytes));
        self.read(move |conn| {
            let mut found = Vec::new();
            for sql in [LIST_PUT, LIST_MET] {
                let mut statement = conn.prepare_cached(sql)?;
                let blocks = statement.query_map(params![user.as_bytes(), others], block)?;
                found.extend(blocks.collect::<Result<Vec<_>, _>>()?);
            }
            Ok(found)
        })
        .await
    }

    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable> {
        self.write(move |conn| {
            for sql in [REMOVE_PUT, REMOVE_MET] {
                conn.prepare_cached(sql)?.execute([user.as_bytes()])?;
            }
            Ok(())
        })
        .await
    }
}

fn block(row: &Row<'_>) -> rusqlite::Result<Block> {
    Ok(Block {
        blocker: UserId::from_bytes(row.get(0)?),
        blocked: UserId::from_bytes(row.get(1)?),
        created_at: moment(row, 2)?,
    })
}
