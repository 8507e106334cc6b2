use super::Unavailable;
use async_trait::async_trait;
use domain::{
    Timestamp,
    ceremony::{Ceremony, CeremonyKind},
    id::UserId,
    token::TokenDigest,
};

/// What browsers have begun and not finished.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CeremonyRepository: Send + Sync {
    /// Puts a ceremony in place of the one of its kind that its browser has.
    async fn put(&self, ceremony: &Ceremony) -> Result<(), Unavailable>;

    /// The ceremony of a browser.
    async fn find(
        &self,
        flow: &TokenDigest,
        kind: CeremonyKind,
    ) -> Result<Option<Ceremony>, Unavailable>;

    /// Counts one try to end it and returns it as counted, atomically: no two callers see the same
    /// count.
    async fn begin_attempt(
        &self,
        flow: &TokenDigest,
        kind: CeremonyKind,
    ) -> Result<Option<Ceremony>, Unavailable>;

    /// Removes a ceremony; of callers that race, one is told `true`.
    async fn take(&self, flow: &TokenDigest, kind: CeremonyKind) -> Result<bool, Unavailable>;

    /// Forgets all of a person's.
    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable>;

    /// Forgets those begun before a moment.
    async fn remove_begun_before(&self, moment: Timestamp) -> Result<(), Unavailable>;
}
