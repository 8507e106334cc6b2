//! Mailing a code, and telling whether somebody typed it: what signing up, asking again and
//! signing in too early have in common.
use crate::ports::{
    Digester, Entropy, EntropyExt, Mail, Mailer, Purpose, Unavailable, UserRepository,
};
use domain::{
    Timestamp,
    email::Email,
    id::RegistrationId,
    otp::{Otp, OtpCode},
};
use std::sync::Arc;

/// Mints, mails and recognises one-time codes.
#[derive(Clone)]
pub struct AddressProof {
    /// To see whether an address has an account already.
    pub users: Arc<dyn UserRepository>,
    /// Carries the code.
    pub mailer: Arc<dyn Mailer>,
    /// Digests the code for keeping.
    pub digester: Arc<dyn Digester>,
    /// Makes the digits.
    pub entropy: Arc<dyn Entropy>,
}

impl AddressProof {
    /// A fresh code, bound to one sign-up, and what is kept of it.
    pub(super) fn mint(&self, registration: RegistrationId, now: Timestamp) -> (OtpCode, Otp) {
        let code = OtpCode::mint(self.entropy.bytes());
        let digest = self.digester.digest(Purpose::OtpCode, &parts(registration, &code));
        (code, Otp::sent(digest, now))
    }

    /// Whether these are the digits that were mailed.
    pub(super) fn matches(&self, registration: RegistrationId, code: &OtpCode, otp: &Otp) -> bool {
        self.digester.matches(Purpose::OtpCode, &parts(registration, code), &otp.digest)
    }

    /// Mails the code; to the owner of an account, that somebody tried to sign up with their
    /// address. To whoever asked, both look alike.
    pub(super) async fn send(&self, to: &Email, code: OtpCode) -> Result<(), Unavailable> {
        let mail = match self.users.find_by_email(to).await? {
            Some(user) => Mail::AlreadyRegistered { username: user.username },
            None => Mail::ConfirmAddress { code },
        };
        self.mailer.send(to, mail).await
    }
}

fn parts(registration: RegistrationId, code: &OtpCode) -> [Vec<u8>; 2] {
    [registration.as_bytes().to_vec(), code.reveal().as_bytes().to_vec()]
}
