use async_trait::async_trait;
use domain::throttle::{Quota, Throttled};

/// What is limited: the kind of thing, and whose. Never logged: it may hold an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimitKey {
    /// Which limit.
    pub name: &'static str,
    /// For whom: an id, an address.
    pub subject: String,
}

/// Counts what happens against quotas.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Admits one more event under a key or says how long to wait, as [`Quota::admit`] judges.
    /// Of events that race, no more pass than the quota allows. Never fails: an adapter whose
    /// server is gone goes on counting by itself.
    async fn admit(&self, key: LimitKey, quota: Quota) -> Result<(), Throttled>;

    /// Forgets what was counted under a key, as if nothing had happened yet. Never fails: where a
    /// server is gone, what it counted stays.
    async fn forget(&self, key: LimitKey);
}
