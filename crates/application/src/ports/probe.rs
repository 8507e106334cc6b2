use super::Unavailable;
use async_trait::async_trait;

/// Tells whether a part that Sotto can't serve without still works.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait StoreProbe: Send + Sync {
    /// Reads from the store, and fails if the store would no longer accept writes.
    async fn check(&self) -> Result<(), Unavailable>;
}
