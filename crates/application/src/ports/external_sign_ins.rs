use super::Unavailable;
use async_trait::async_trait;
use domain::{Timestamp, external_sign_in::ExternalSignIn, token::TokenDigest};

/// What is remembered of people on their way to a provider and back.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ExternalSignInRepository: Send + Sync {
    /// Adds one under a key that was never used.
    async fn insert(&self, errand: &ExternalSignIn) -> Result<(), Unavailable>;

    /// The one with this key.
    async fn find(&self, key: &TokenDigest) -> Result<Option<ExternalSignIn>, Unavailable>;

    /// Removes the one with this key and returns it; of callers that race, one gets it.
    async fn take(&self, key: &TokenDigest) -> Result<Option<ExternalSignIn>, Unavailable>;

    /// Forgets those begun before a moment.
    async fn remove_begun_before(&self, moment: Timestamp) -> Result<(), Unavailable>;
}
