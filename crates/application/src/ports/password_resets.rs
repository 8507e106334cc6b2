use super::Unavailable;
use async_trait::async_trait;
use domain::{Timestamp, id::UserId, password_reset::PasswordReset, token::TokenDigest};

/// Links by which people choose a new password.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PasswordResetRepository: Send + Sync {
    /// Puts a link in place of the one that its person has, unless that was made after
    /// `made_until`: then the answer is `false`. Of callers that race, one puts its own, and the
    /// others are told `false`.
    async fn put(&self, reset: &PasswordReset, made_until: Timestamp) -> Result<bool, Unavailable>;

    /// The link with this token.
    async fn find(&self, token: &TokenDigest) -> Result<Option<PasswordReset>, Unavailable>;

    /// Removes the link with this token and returns it; of callers that race, one gets it.
    async fn take(&self, token: &TokenDigest) -> Result<Option<PasswordReset>, Unavailable>;

    /// Forgets a person's.
    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable>;

    /// Forgets those made before a moment.
    async fn remove_made_before(&self, moment: Timestamp) -> Result<(), Unavailable>;
}
