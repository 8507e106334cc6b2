//! Asking for the code again.
use super::AddressProof;
use crate::{
    limits::Limits,
    ports::{Clock, RegistrationRepository, Unavailable},
};
use domain::{
    email::Email, otp::Otp, registration::Registration, throttle::Throttled, token::FlowToken,
};
use std::sync::Arc;

/// Mails a fresh code, at most once a minute.
pub struct ResendOtp {
    /// Where the sign-up waits.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Mails the code.
    pub proof: AddressProof,
    /// Bounds mails.
    pub limits: Limits,
    /// Counts the minute.
    pub clock: Arc<dyn Clock>,
}

/// Why no code is sent.
#[derive(Debug, thiserror::Error)]
pub enum ResendOtpError {
    /// Within a minute of the last, or too often in all.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ResendOtp {
    /// Sends a fresh code to the browser's waiting sign-up; the old one dies. A browser that has
    /// none is told nothing, and nobody is mailed.
    pub async fn execute(
        &self,
        flow: Option<FlowToken>,
        email: &Email,
    ) -> Result<(), ResendOtpError> {
        let Some(registration) = self.waiting(flow, email).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        if now < registration.otp.resend_at() {
            return Err(Throttled { retry_after: registration.otp.resend_at() - now }.into());
        }
        self.limits.code_mail(email).await?;
        let (code, otp) = self.proof.mint(registration.id, now);
        let sent_before = registration.otp.sent_at;
        if !self.registrations.replace_otp(registration.id, sent_before, &otp).await? {
            return Err(Throttled { retry_after: Otp::RESEND_AFTER }.into());
        }
        Ok(self.proof.send(email, code).await?)
    }

    async fn waiting(
        &self,
        flow: Option<FlowToken>,
        email: &Email,
    ) -> Result<Option<Registration>, Unavailable> {
        let Some(flow) = flow else { return Ok(None) };
        let now = self.clock.now();
        let found = self.registrations.find_by_flow(&flow.digest()).await?;
        Ok(found.filter(|r| r.email == *email && r.is_live(now)))
    }
}
