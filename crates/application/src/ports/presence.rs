use async_trait::async_trait;
use domain::id::UserId;
use std::collections::HashSet;

/// Who has an open socket, on whichever instance. As good as it can be known at the moment: never
/// fails, and an adapter whose server is gone answers from what its own instance knows.
///
/// Each socket arrives once and leaves once. What an instance that died leaves behind is forgotten
/// within a minute, without anybody being told.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Presence: Send + Sync {
    /// A socket of this person opened. Whether that brought them online: of sockets that open at
    /// once, wherever they are, one is told so.
    async fn arrive(&self, user: UserId) -> bool;

    /// A socket of this person closed. Whether that took them offline: of sockets that close at
    /// once, wherever they are, one is told so.
    async fn leave(&self, user: UserId) -> bool;

    /// Those of these people who are online.
    async fn list_online(&self, users: &[UserId]) -> HashSet<UserId>;
}
