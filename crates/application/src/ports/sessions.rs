use super::Unavailable;
use async_trait::async_trait;
use domain::{
    Timestamp,
    id::{SessionId, UserId},
    session::Session,
    token::TokenDigest,
};

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

    /// Those of a person, the one used last first.
    async fn list_by_user(&self, user: UserId) -> Result<Vec<Session>, Unavailable>;

    /// Ends a session. Ending one that is gone is fine.
    async fn remove(&self, id: SessionId) -> Result<(), Unavailable>;

    /// Ends all of a person's but the one to keep, and says which. One that begins meanwhile may
    /// be ended or not, but is never ended without being told.
    async fn remove_by_user(
        &self,
        user: UserId,
        keep: Option<SessionId>,
    ) -> Result<Vec<SessionId>, Unavailable>;

    /// Forgets those last used before one moment or begun before another.
    async fn remove_stale(
        &self,
        used_before: Timestamp,
        begun_before: Timestamp,
    ) -> Result<(), Unavailable>;
}
