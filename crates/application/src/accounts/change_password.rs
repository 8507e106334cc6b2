//! Choosing another password, by those who are signed in.
use super::{Confirm, ConfirmError, Proof, SignOut, SignedIn, passwords};
use crate::ports::{
    ChallengeRepository, HashingBusy, Mail, Mailer, PasswordHasher, PasswordResetRepository,
    Unavailable, UserRepository,
};
use domain::{
    id::{SessionId, UserId},
    password::{PasswordHash, WeakPassword},
    user::User,
};
use std::{net::IpAddr, sync::Arc};

/// Gives an account another password, and ends whatever hangs on the one before.
#[derive(Clone)]
pub struct NewPassword {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Hashes it.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Links that would change it again.
    pub resets: Arc<dyn PasswordResetRepository>,
    /// Codes on their way, a change of address among them.
    pub challenges: Arc<dyn ChallengeRepository>,
    /// Ends sessions.
    pub sign_out: SignOut,
    /// Tells the owner.
    pub mailer: Arc<dyn Mailer>,
}

/// Why a password is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    /// It is refused.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Too many passwords at once.
    #[error(transparent)]
    Busy(#[from] HashingBusy),
}

/// Changes one's password.
pub struct ChangePassword {
    /// Asks for the old one.
    pub confirm: Confirm,
    /// Sets the new one.
    pub new_password: NewPassword,
}

/// Why a password is not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// There is a password, and nothing shows that it is really its owner.
    #[error("type your current password, or a code mailed to you")]
    ProofMissing,
    /// What was shown does not do.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// The new one is not accepted.
    #[error(transparent)]
    New(#[from] NewPasswordError),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ChangePassword {
    /// Changes one's password, or sets the first; all other sessions end. A code is used up only
    /// once the new one is accepted.
    pub async fn execute(
        &self,
        me: SignedIn,
        from: IpAddr,
        proof: Option<&Proof>,
        new: &str,
    ) -> Result<(), ChangePasswordError> {
        let user = self.confirm.find(me).await?;
        if proof.is_none() && user.password.is_some() {
            return Err(ChangePasswordError::ProofMissing);
        }
        if let Some(password @ Proof::Password(_)) = proof {
            self.confirm.execute(me, from, password).await?;
        }
        let choice = self.new_password.choose(&user, new).await?;
        if let Some(code @ Proof::Code(_)) = proof {
            self.confirm.execute(me, from, code).await?;
        }
        Ok(self.new_password.set(&user, choice, Some(me.session)).await?)
    }
}

impl NewPassword {
    /// Judges a password and hashes it.
    pub(super) async fn choose(
        &self,
        user: &User,
        typed: &str,
    ) -> Result<PasswordHash, NewPasswordError> {
        let password = passwords::choose(typed.to_owned(), &user.username, &user.email).await?;
        Ok(self.hasher.hash(&password).await?)
    }

    /// From here on only the new one counts. A crash half-way leaves sessions of the old one, never
    /// the other way round; whoever asks again ends them.
    pub(super) async fn set(
        &self,
        user: &User,
        password: PasswordHash,
        keep: Option<SessionId>,
    ) -> Result<(), Unavailable> {
        self.users.replace_password(user.id, &password).await?;
        self.cancel_what_waits(user.id).await?;
        self.sign_out.end_all(user.id, keep).await?;
        let mail = Mail::PasswordChanged { username: user.username.clone() };
        if let Err(error) = self.mailer.send(&user.email, mail).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user = %user.id, error, "the notice of a new password was not sent");
        }
        Ok(())
    }

    async fn cancel_what_waits(&self, user: UserId) -> Result<(), Unavailable> {
        self.resets.remove_by_user(user).await?;
        self.challenges.remove_by_user(user).await
    }
}
