//! Asking somebody who is signed in to show that it is really them.
use super::{ChallengeError, Challenges, SignedIn};
use crate::{
    limits::Limits,
    ports::{HashingBusy, Mail, Mailer, PasswordHasher, Unavailable, UserRepository},
};
use domain::{
    challenge::ChallengePurpose, otp::OtpCode, password::Password, throttle::Throttled, user::User,
};
use std::{net::IpAddr, sync::Arc};

/// Confirms by the password or, for those who have none at hand, by a mailed code.
#[derive(Clone)]
pub struct Confirm {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Compares the password.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Keeps the codes.
    pub challenges: Challenges,
    /// Carries them.
    pub mailer: Arc<dyn Mailer>,
    /// Bounds guesses at the password.
    pub limits: Limits,
}

/// What somebody shows.
pub enum Proof {
    /// What they typed for their password.
    Password(String),
    /// What they typed for the code.
    Code(OtpCode),
}

/// Why something is not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The account is gone.
    #[error("this account no longer exists")]
    Gone,
    /// Not the password.
    #[error("the password is not right")]
    WrongPassword,
    /// Not the code.
    #[error(transparent)]
    Code(#[from] ChallengeError),
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many passwords at once.
    #[error(transparent)]
    Busy(#[from] HashingBusy),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Confirm {
    /// Mails a code to somebody's own address.
    pub async fn send_code(&self, me: SignedIn) -> Result<(), ConfirmError> {
        let user = self.find(me).await?;
        let purpose = ChallengePurpose::Confirm;
        let code = self.challenges.begin(me.user, me.session, purpose, &user.email).await?;
        Ok(self.mailer.send(&user.email, Mail::ConfirmAction { code }).await?)
    }

    /// Who is signed in, once they have shown that it is them. A code is used up by it.
    pub async fn execute(
        &self,
        me: SignedIn,
        from: IpAddr,
        proof: &Proof,
    ) -> Result<User, ConfirmError> {
        let user = self.find(me).await?;
        match proof {
            Proof::Password(typed) => self.compare(&user, typed).await?,
            Proof::Code(code) => {
                let purpose = ChallengePurpose::Confirm;
                self.challenges.redeem(me.session, purpose, from, code).await?;
            }
        }
        Ok(user)
    }

    pub(super) async fn find(&self, me: SignedIn) -> Result<User, ConfirmError> {
        self.users.find(me.user).await?.ok_or(ConfirmError::Gone)
    }

    async fn compare(&self, user: &User, typed: &str) -> Result<(), ConfirmError> {
        let password = Password::typed(typed).ok_or(ConfirmError::WrongPassword)?;
        self.limits.confirm(user.id).await?;
        let right = self.hasher.verify(&password, user.password.clone()).await?;
        if right { Ok(()) } else { Err(ConfirmError::WrongPassword) }
    }
}
