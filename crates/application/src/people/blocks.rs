//! Keeping people away.
use crate::{
    chat::{Attendance, Relations},
    ports::{Clock, Unavailable, UserRepository},
};
use domain::{block::Block, id::UserId, user::User};
use std::{collections::HashMap, sync::Arc};

/// Whom somebody keeps away. Those are not told: what they write is refused as undeliverable, and
/// neither of the two sees whether the other is online or writes.
pub struct Blocks {
    /// Who is there.
    pub users: Arc<dyn UserRepository>,
    /// Keeps blocks, and notices them at once.
    pub relations: Arc<Relations>,
    /// Takes both out of each other's sight.
    pub attendance: Arc<Attendance>,
    /// Since when.
    pub clock: Arc<dyn Clock>,
}

/// Why nobody is blocked.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// There is no such person.
    #[error("there is no such person")]
    NobodyThere,
    /// It is oneself.
    #[error("nobody can block themselves")]
    SamePerson,
    /// More than [`Block::MOST`].
    #[error("at most {} people can be blocked", Block::MOST)]
    TooMany,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Blocks {
    /// Blocks somebody; one who is blocked stays so.
    pub async fn block(&self, me: UserId, other: UserId) -> Result<(), BlockError> {
        if me == other {
            return Err(BlockError::SamePerson);
        }
        if self.users.find(other).await?.is_none() {
            return Err(BlockError::NobodyThere);
        }
        let blocks = &self.relations.blocks;
        let mine = blocks.list_by_blocker(me).await?;
        if mine.iter().any(|block| block.blocked == other) {
            return Ok(());
        }
        if mine.len() >= Block::MOST {
            return Err(BlockError::TooMany);
        }
        let block = Block { blocker: me, blocked: other, created_at: self.clock.now() };
        blocks.insert(&block).await?;
        self.relations.forget_tie(me, other);
        self.attendance.part(me, other).await;
        Ok(())
    }

    /// Blocks somebody no longer. Whether they are online is told when they next come or go, or
    /// when a page is opened.
    pub async fn unblock(&self, me: UserId, other: UserId) -> Result<(), Unavailable> {
        self.relations.blocks.remove(me, other).await
    }

    /// Whom this person blocks, the latest first.
    pub async fn list(&self, me: UserId) -> Result<Vec<User>, Unavailable> {
        let blocks = self.relations.blocks.list_by_blocker(me).await?;
        let blocked: Vec<UserId> =
            blocks.iter().take(Block::MOST).map(|block| block.blocked).collect();
        let mut people: HashMap<UserId, User> =
            self.users.list(&blocked).await?.into_iter().map(|user| (user.id, user)).collect();
        Ok(blocked.into_iter().filter_map(|user| people.remove(&user)).collect())
    }
}
