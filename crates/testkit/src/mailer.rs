use application::ports::{Mail, Mailer, Unavailable};
use async_trait::async_trait;
use domain::{email::Email, otp::OtpCode, token::ResetToken};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keeps what it was given to send.
#[derive(Default)]
pub struct RecordingMailer(Mutex<Vec<(Email, Mail)>>);

impl RecordingMailer {
    /// Everything sent, oldest first.
    pub fn sent(&self) -> Vec<(Email, Mail)> {
        self.mails().clone()
    }

    /// Everything sent to one address, oldest first.
    pub fn sent_to(&self, address: &Email) -> Vec<Mail> {
        self.sent().into_iter().filter(|(to, _)| to == address).map(|(_, mail)| mail).collect()
    }

    /// The code that was last mailed to an address.
    pub fn last_code(&self, address: &Email) -> Option<OtpCode> {
        self.sent_to(address).into_iter().rev().find_map(|mail| match mail {
            Mail::ConfirmAddress { code }
            | Mail::ConfirmAction { code }
            | Mail::ConfirmNewAddress { code }
            | Mail::ConfirmLink { code } => Some(code),
            _ => None,
        })
    }

    /// The token of the link for a new password that was last mailed to an address.
    pub fn last_reset(&self, address: &Email) -> Option<ResetToken> {
        self.sent_to(address).into_iter().rev().find_map(|mail| match mail {
            Mail::ResetPassword { token, .. } => Some(token),
            _ => None,
        })
    }

    fn mails(&self) -> MutexGuard<'_, Vec<(Email, Mail)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for RecordingMailer {
    async fn send(&self, to: &Email, mail: Mail) -> Result<(), Unavailable> {
        self.mails().push((to.clone(), mail));
        Ok(())
    }
}
