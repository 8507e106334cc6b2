//! Forgetting what has expired. Nothing depends on it: whether something still counts is judged
//! whenever it is used.
use crate::ports::{Clock, RegistrationRepository, SessionRepository, Unavailable};
use domain::{registration::Registration, session::Session};
use std::sync::Arc;

/// Removes sign-ups and sessions that no longer count.
pub struct Sweep {
    /// Where sign-ups wait.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionRepository>,
    /// Judges their age.
    pub clock: Arc<dyn Clock>,
}

impl Sweep {
    /// Sweeps once.
    pub async fn execute(&self) -> Result<(), Unavailable> {
        let now = self.clock.now();
        self.registrations.remove_begun_before(now - Registration::LIFETIME).await?;
        self.sessions.remove_stale(now - Session::IDLE, now - Session::ABSOLUTE).await
    }
}
