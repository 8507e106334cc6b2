//! Forgetting what has expired. Nothing depends on it: whether something still counts is judged
//! whenever it is used.
use crate::{
    files::Leftovers,
    ports::{
        CeremonyRepository, ChallengeRepository, Clock, ExternalSignInRepository,
        KnownDeviceRepository, PasswordResetRepository, RegistrationRepository, RoomRepository,
        SessionRepository, Unavailable,
    },
};
use domain::{
    attachment::Attachment, ceremony::Ceremony, external_sign_in::ExternalSignIn, history::Limit,
    known_device::KnownDevice, otp::Otp, password_reset::PasswordReset, registration::Registration,
    session::Session,
};
use std::sync::Arc;

/// Removes what no longer counts: sign-ups, sessions, known devices, codes, links, what was begun and
/// not finished, files that were never sent, and people who never came back from a provider. Empties
/// what both people of a room have cleared.
pub struct Sweep {
    /// Where sign-ups wait.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionRepository>,
    /// The browsers that accounts know.
    pub known_devices: Arc<dyn KnownDeviceRepository>,
    /// Codes mailed to people who are signed in.
    pub challenges: Arc<dyn ChallengeRepository>,
    /// Links for new passwords.
    pub password_resets: Arc<dyn PasswordResetRepository>,
    /// What browsers have begun.
    pub ceremonies: Arc<dyn CeremonyRepository>,
    /// People on their way to a provider and back.
    pub external_sign_ins: Arc<dyn ExternalSignInRepository>,
    /// What both of a room's people have cleared.
    pub rooms: Arc<dyn RoomRepository>,
    /// Files that nobody sent.
    pub leftovers: Leftovers,
    /// Judges their age.
    pub clock: Arc<dyn Clock>,
}

impl Sweep {
    /// Sweeps once.
    pub async fn execute(&self) -> Result<(), Unavailable> {
        let now = self.clock.now();
        self.registrations.remove_begun_before(now - Registration::LIFETIME).await?;
        self.sessions.remove_stale(now - Session::IDLE, now - Session::ABSOLUTE).await?;
        self.known_devices.remove_used_before(now - KnownDevice::LIFETIME).await?;
        self.challenges.remove_sent_before(now - Otp::LIFETIME).await?;
        self.password_resets.remove_made_before(now - PasswordReset::LIFETIME).await?;
        self.ceremonies.remove_begun_before(now - Ceremony::LIFETIME).await?;
        self.external_sign_ins.remove_begun_before(now - ExternalSignIn::LIFETIME).await?;
        while self.rooms.empty_cleared(Limit::SWEEP).await? {}
        self.leftovers.remove_loose_before(now - Attachment::WAITS).await
    }
}
