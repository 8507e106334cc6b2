use application::ports::{LimitKey, RateLimiter};
use async_trait::async_trait;
use domain::throttle::{Quota, Throttled};

/// Admits everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenLimiter;

#[async_trait]
impl RateLimiter for OpenLimiter {
    async fn admit(&self, _key: LimitKey, _quota: Quota) -> Result<(), Throttled> {
        Ok(())
    }

    async fn forget(&self, _key: LimitKey) {}
}
