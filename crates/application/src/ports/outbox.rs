use super::Unavailable;
use async_trait::async_trait;
use domain::{
    Timestamp,
    outbox::{MailId, OutgoingMail},
};

/// Mail that is accepted but not yet delivered. Holds it sealed: a mail carries a code or a link.
///
/// # Durability
/// What a method reports as done is still so after `kill -9` of everything.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait OutboxRepository: Send + Sync {
    /// Adds a mail.
    async fn insert(&self, mail: &OutgoingMail) -> Result<(), Unavailable>;

    /// Takes up to `limit` mails whose `due_at` is not after `now`, the longest due first, and
    /// makes each due again at `until`: of callers that race, none gets a mail that another has,
    /// and what a caller that died had taken comes up again. What is returned has its attempts
    /// counted up by one.
    async fn claim_due(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutgoingMail>, Unavailable>;

    /// Makes a mail due at another moment. Does nothing if it is gone.
    async fn postpone(&self, id: MailId, due_at: Timestamp) -> Result<(), Unavailable>;

    /// Forgets a mail: it was delivered, or is given up. Forgetting one that is gone is fine.
    async fn remove(&self, id: MailId) -> Result<(), Unavailable>;

    /// How many wait.
    async fn count(&self) -> Result<u64, Unavailable>;
}
