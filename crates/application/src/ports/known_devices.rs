use super::Unavailable;
use async_trait::async_trait;
use domain::{Timestamp, id::UserId, known_device::KnownDevice};

/// The browsers that accounts were signed in with before.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait KnownDeviceRepository: Send + Sync {
    /// Keeps a device, or notes its new use: where it is now, and when; the moment of its last use
    /// never moves back. Afterwards its person has no more than [`KnownDevice::MOST`], those that
    /// were used last. Calls that race keep one device once.
    async fn keep(&self, device: &KnownDevice) -> Result<(), Unavailable>;

    /// Those of a person, the one used last first.
    async fn list_by_user(&self, user: UserId) -> Result<Vec<KnownDevice>, Unavailable>;

    /// Forgets all of a person's.
    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable>;

    /// Forgets those last used before a moment.
    async fn remove_used_before(&self, moment: Timestamp) -> Result<(), Unavailable>;
}
