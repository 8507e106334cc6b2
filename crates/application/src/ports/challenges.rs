use super::Unavailable;
use async_trait::async_trait;
use domain::{
    Timestamp,
    challenge::{Challenge, ChallengePurpose},
    id::{SessionId, UserId},
};

/// Codes that were mailed to people who are signed in.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ChallengeRepository: Send + Sync {
    /// Puts a challenge in place of the one that its session has for the same purpose, unless that
    /// was sent after `sent_until`: then the answer is `false`. Of callers that race, one puts its
    /// own, and the others are told `false`.
    async fn put(&self, challenge: &Challenge, sent_until: Timestamp) -> Result<bool, Unavailable>;

    /// Counts one try of the code and returns the challenge as counted, atomically: no two callers
    /// see the same count.
    async fn begin_attempt(
        &self,
        session: SessionId,
        purpose: ChallengePurpose,
    ) -> Result<Option<Challenge>, Unavailable>;

    /// Removes a challenge if its code is still this one; of callers that race, one is told `true`.
    async fn take(&self, challenge: &Challenge) -> Result<bool, Unavailable>;

    /// Forgets all of a person's.
    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable>;

    /// Forgets those sent before a moment.
    async fn remove_sent_before(&self, moment: Timestamp) -> Result<(), Unavailable>;
}
