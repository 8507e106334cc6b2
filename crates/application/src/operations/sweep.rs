//! Forgetting what has expired. Nothing depends on it: whether something still counts is judged
//! whenever it is used.
use crate::ports::{
    Clock, KnownDeviceRepository, RegistrationRepository, SessionRepository, Unavailable,
};
use domain::{known_device::KnownDevice, registration::Registration, session::Session};
use std::sync::Arc;

/// Removes sign-ups, sessions and known devices that no longer count.
pub struct Sweep {
    /// Where sign-ups wait.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionRepository>,
    /// The browsers that accounts know.
    pub known_devices: Arc<dyn KnownDeviceRepository>,
    /// Judges their age.
    pub clock: Arc<dyn Clock>,
}

impl Sweep {
    /// Sweeps once.
    pub async fn execute(&self) -> Result<(), Unavailable> {
        let now = self.clock.now();
        self.registrations.remove_begun_before(now - Registration::LIFETIME).await?;
        self.sessions.remove_stale(now - Session::IDLE, now - Session::ABSOLUTE).await?;
        self.known_devices.remove_used_before(now - KnownDevice::LIFETIME).await
    }
}
