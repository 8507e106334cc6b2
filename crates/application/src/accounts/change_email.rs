//! Moving an account to another address.
use super::{AddressProof, ChallengeError, Challenges, Confirm, ConfirmError, Proof, SignedIn};
use crate::ports::{
    ChallengeRepository, Mail, Mailer, PasswordResetRepository, RegistrationRepository,
    Unavailable, UserRepository,
};
use domain::{
    challenge::ChallengePurpose,
    email::Email,
    otp::{OtpCode, OtpRejected},
    user::User,
};
use std::{net::IpAddr, sync::Arc};

/// Changes one's address, once it is proved.
pub struct ChangeEmail {
    /// Asks for the password.
    pub confirm: Confirm,
    /// Keeps the codes.
    pub challenges: Challenges,
    /// Knows what to mail to an address that has an account.
    pub proof: AddressProof,
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// What waits for the old address.
    pub waiting: WaitingForAddress,
    /// Carries the code, and tells the old address.
    pub mailer: Arc<dyn Mailer>,
}

/// What was mailed to an address and must not count once the account has left it, and sign-ups
/// that wait for the new one.
pub struct WaitingForAddress {
    /// Links for a new password.
    pub resets: Arc<dyn PasswordResetRepository>,
    /// Codes.
    pub challenges: Arc<dyn ChallengeRepository>,
    /// Sign-ups.
    pub registrations: Arc<dyn RegistrationRepository>,
}

/// Why an address is not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeEmailError {
    /// It is one's own already.
    #[error("this is your address already")]
    SameAddress,
    /// What was shown does not do.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// The code does not count, or none is sent.
    #[error(transparent)]
    Code(#[from] ChallengeError),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ChangeEmail {
    /// Mails a code to the new address; if it has an account, its owner is told that instead. To
    /// whoever asked, both look alike.
    pub async fn begin(
        &self,
        me: SignedIn,
        from: IpAddr,
        email: &Email,
        proof: &Proof,
    ) -> Result<(), ChangeEmailError> {
        if self.confirm.find(me).await?.email == *email {
            return Err(ChangeEmailError::SameAddress);
        }
        self.confirm.execute(me, from, proof).await?;
        let purpose = ChallengePurpose::NewEmail;
        let code = self.challenges.begin(me.user, me.session, purpose, email).await?;
        let mail = self.proof.mail(email, Mail::ConfirmNewAddress { code }).await?;
        Ok(self.mailer.send(email, mail).await?)
    }

    /// Moves the account to the address that the code was mailed to, and tells the old one.
    pub async fn verify(
        &self,
        me: SignedIn,
        from: IpAddr,
        code: &OtpCode,
    ) -> Result<User, ChangeEmailError> {
        let before = self.confirm.find(me).await?;
        let purpose = ChallengePurpose::NewEmail;
        let challenge = self.challenges.redeem(me.session, purpose, from, code).await?;
        let moved = self.users.replace_email(me.user, &challenge.email).await?;
        let Ok(user) = moved.ok_or(ConfirmError::Gone)? else {
            // Somebody opened an account with it meanwhile: then this code was not right any more.
            return Err(ChallengeError::from(wrong()).into());
        };
        self.waiting.cancel(&user).await?;
        self.tell(&before, &user).await;
        Ok(user)
    }

    /// The address has changed; a lost notice must not undo it.
    async fn tell(&self, before: &User, user: &User) {
        let mail = Mail::EmailChanged { username: user.username.clone() };
        if let Err(error) = self.mailer.send(&before.email, mail).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user = %user.id, error, "the old address was not told of the new one");
        }
    }
}

impl WaitingForAddress {
    async fn cancel(&self, user: &User) -> Result<(), Unavailable> {
        self.resets.remove_by_user(user.id).await?;
        self.challenges.remove_by_user(user.id).await?;
        // Whoever began a sign-up with this address did not prove it.
        self.registrations.remove_by_email(&user.email).await
    }
}

fn wrong() -> OtpRejected {
    OtpRejected::Wrong { attempts_left: 0 }
}
