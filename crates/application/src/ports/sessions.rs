use super::Unavailable;
use async_trait::async_trait;
use domain::{Timestamp, id::SessionId, session::Session, token::TokenDigest};

/// Every signed-in browser.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Adds a session.
    async fn insert(&self, session: &Session) -> Result<(), Unavailable>;

    /// The session with this id.
    async fn find(&self, id: SessionId) -> Result<Option<Session>, Unavailable>;

    /// The session whose token has this digest.
    async fn find_by_token(&self, token: &TokenDigest) -> Result<Option<Session>, Unavailable>;

    /// Notes its use. Never brings back a session that was removed.
    async fn touch(&self, id: SessionId, used_at: Timestamp) -> Result<(), Unavailable>;

    /// Ends a session. Ending one that is gone is fine.
    async fn remove(&self, id: SessionId) -> Result<(), Unavailable>;

    /// Forgets those last used before one moment or begun before another.
    async fn remove_stale(
        &self,
        used_before: Timestamp,
        begun_before: Timestamp,
    ) -> Result<(), Unavailable>;
}
