//! Mailing a code, and telling whether somebody typed it: what signing up, asking again and
//! signing in too early have in common.
use super::Codes;
use crate::ports::{Mail, Mailer, Unavailable, UserRepository};
use domain::{
    Timestamp,
    email::Email,
    id::RegistrationId,
    otp::{Otp, OtpCode},
};
use std::sync::Arc;

/// Mints, mails and recognises the codes of sign-ups.
#[derive(Clone)]
pub struct AddressProof {
    /// To see whether an address has an account already.
    pub users: Arc<dyn UserRepository>,
    /// Carries the code.
    pub mailer: Arc<dyn Mailer>,
    /// Makes the code.
    pub codes: Codes,
}

impl AddressProof {
    /// A fresh code, bound to one sign-up, and what is kept of it.
    pub(super) fn mint(&self, registration: RegistrationId, now: Timestamp) -> (OtpCode, Otp) {
        self.codes.mint(registration, now)
    }

    /// Whether these are the digits that were mailed.
    pub(super) fn matches(&self, registration: RegistrationId, code: &OtpCode, otp: &Otp) -> bool {
        self.codes.matches(registration, code, otp)
    }

    /// Mails the code; to the owner of an account, that somebody tried to sign up with their
    /// address. To whoever asked, both look alike.
    pub(super) async fn send(&self, to: &Email, code: OtpCode) -> Result<(), Unavailable> {
        self.mailer.send(to, self.mail(to, Mail::ConfirmAddress { code }).await?).await
    }

    /// What an address is mailed instead of a code that would prove it, if it has an account.
    pub(super) async fn mail(&self, to: &Email, code: Mail) -> Result<Mail, Unavailable> {
        Ok(match self.users.find_by_email(to).await? {
            Some(user) => Mail::AlreadyRegistered { username: user.username },
            None => code,
        })
    }
}
