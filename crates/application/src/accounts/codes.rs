//! One-time codes: minting them, and telling whether somebody typed one.
use crate::ports::{Digester, Entropy, EntropyExt, Purpose};
use domain::{
    Timestamp,
    challenge::Challenge,
    id::RegistrationId,
    otp::{Otp, OtpCode},
};
use std::sync::Arc;

/// Mints and recognises one-time codes.
#[derive(Clone)]
pub struct Codes {
    /// Digests the code for keeping.
    pub digester: Arc<dyn Digester>,
    /// Makes the digits.
    pub entropy: Arc<dyn Entropy>,
}

/// What a code is good for and for nothing else.
pub(super) struct Binding(Vec<Vec<u8>>);

impl From<RegistrationId> for Binding {
    fn from(registration: RegistrationId) -> Self {
        Self(vec![registration.as_bytes().to_vec()])
    }
}

/// Also to the address: a code that was mailed to one does not prove another.
impl From<&Challenge> for Binding {
    fn from(challenge: &Challenge) -> Self {
        Self(vec![
            challenge.session.as_bytes().to_vec(),
            challenge.purpose.as_str().as_bytes().to_vec(),
            challenge.email.as_str().as_bytes().to_vec(),
        ])
    }
}

impl Codes {
    /// A fresh code, and what is kept of it.
    pub(super) fn mint(&self, bound_to: impl Into<Binding>, now: Timestamp) -> (OtpCode, Otp) {
        let code = OtpCode::mint(self.entropy.bytes());
        let digest = self.digester.digest(Purpose::OtpCode, &parts(bound_to.into(), &code));
        (code, Otp::sent(digest, now))
    }

    /// Whether these are the digits that were mailed.
    pub(super) fn matches(&self, bound_to: impl Into<Binding>, code: &OtpCode, otp: &Otp) -> bool {
        self.digester.matches(Purpose::OtpCode, &parts(bound_to.into(), code), &otp.digest)
    }
}

fn parts(Binding(mut parts): Binding, code: &OtpCode) -> Vec<Vec<u8>> {
    parts.push(code.reveal().as_bytes().to_vec());
    parts
}
