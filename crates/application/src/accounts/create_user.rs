//! Accounts made by the operator.
use super::{AddressProof, SignUp, passwords, register::registration};
use crate::ports::{
    Clock, Entropy, EntropyExt, HashingBusy, PasswordHasher, RegistrationRepository, Unavailable,
    UserRepository,
};
use domain::{
    email::Email,
    id::{RegistrationId, UserId},
    name::PersonName,
    otp::Otp,
    password::WeakPassword,
    token::FlowToken,
    user::Taken,
    username::Username,
};
use std::sync::Arc;

/// Makes an account without a sign-up.
pub struct CreateUser {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Where an account with an unproved address waits.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Hashes the password.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Mints a code nobody is mailed, for an account with an unproved address.
    pub proof: AddressProof,
    /// When it is made.
    pub clock: Arc<dyn Clock>,
    /// Names it.
    pub entropy: Arc<dyn Entropy>,
}

/// The account to make.
pub struct NewUser {
    /// Its name; reserved ones are the operator's to give.
    pub username: Username,
    /// Its address.
    pub email: Email,
    /// In clear.
    pub password: String,
    /// Whether the operator vouches for the address. Otherwise its owner proves it at the first
    /// sign-in, within a day.
    pub verified: bool,
}

/// Why no account is made.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// Somebody has the name or address.
    #[error(transparent)]
    Taken(#[from] Taken),
    /// The password is refused.
    #[error(transparent)]
    Password(#[from] WeakPassword),
    /// Too many passwords at once.
    #[error(transparent)]
    Busy(#[from] HashingBusy),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl CreateUser {
    /// Makes the account; `None` where its address has to be proved first.
    pub async fn execute(&self, new: NewUser) -> Result<Option<UserId>, CreateUserError> {
        let password = passwords::choose(new.password.clone(), &new.username, &new.email).await?;
        let hash = self.hasher.hash(&password).await?;
        let now = self.clock.now();
        let id = RegistrationId::mint(now, self.entropy.bytes());
        let (_, otp) = self.proof.mint(id, now);
        // As if mailed long ago, so that the first sign-in mails a fresh one.
        let otp = Otp { sent_at: now - Otp::LIFETIME, ..otp };
        let flow = FlowToken::mint(self.entropy.bytes());
        let verified = new.verified;
        let waiting = registration(id, &flow, sign_up(new), hash, otp, now);
        if verified {
            let user = waiting.into_user(UserId::mint(now, self.entropy.bytes()), now);
            self.users.insert(&user).await??;
            return Ok(Some(user.id));
        }
        self.refuse_taken(&waiting.username, &waiting.email).await?;
        self.registrations.insert(&waiting).await?;
        Ok(None)
    }

    async fn refuse_taken(
        &self,
        username: &Username,
        email: &Email,
    ) -> Result<(), CreateUserError> {
        if self.users.has_username_like(username).await? {
            return Err(Taken::Username.into());
        }
        if self.users.find_by_email(email).await?.is_some() {
            return Err(Taken::Email.into());
        }
        Ok(())
    }
}

fn sign_up(new: NewUser) -> SignUp {
    SignUp {
        username: new.username,
        email: new.email,
        password: new.password,
        first_name: PersonName::default(),
        last_name: PersonName::default(),
    }
}
