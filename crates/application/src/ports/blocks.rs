use super::Unavailable;
use async_trait::async_trait;
use domain::{block::Block, id::UserId};

/// Whom people keep away.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait BlockRepository: Send + Sync {
    /// Keeps a block. One that is there stays as it is; of callers that race, all succeed.
    async fn insert(&self, block: &Block) -> Result<(), Unavailable>;

    /// Forgets a block, if there is one.
    async fn remove(&self, blocker: UserId, whom: UserId) -> Result<(), Unavailable>;

    /// Whom this person blocks, the latest first; [`Block::MOST`] at most, and one more to tell.
    async fn list_by_blocker(&self, blocker: UserId) -> Result<Vec<Block>, Unavailable>;

    /// The blocks between this person and any of these others, whoever put them, in one round trip.
    async fn list_between(
        &self,
        user: UserId,
        others: &[UserId],
    ) -> Result<Vec<Block>, Unavailable>;

    /// Forgets every block that this person put or that others put against them.
    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable>;
}
