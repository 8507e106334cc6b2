//! Parting from Google.
use super::tell;
use crate::ports::{Mailer, Unavailable, UserRepository};
use domain::{id::UserId, user::User};
use std::sync::Arc;

/// Unlinks one's account.
pub struct UnlinkGoogle {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Tells the owner.
    pub mailer: Arc<dyn Mailer>,
}

/// Why an account is not unlinked.
#[derive(Debug, thiserror::Error)]
pub enum UnlinkGoogleError {
    /// The account is gone.
    #[error("this account no longer exists")]
    Gone,
    /// Nobody is left without a way in.
    #[error("set a password first: without Google you could not sign in any more")]
    NoOtherWay,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl UnlinkGoogle {
    /// Unlinks one's account; one that is not linked stays as it is.
    pub async fn execute(&self, me: UserId) -> Result<User, UnlinkGoogleError> {
        let before = self.users.find(me).await?.ok_or(UnlinkGoogleError::Gone)?;
        let user = self.users.unlink_identity(me).await?.ok_or(UnlinkGoogleError::Gone)?;
        if user.google.is_some() {
            return Err(UnlinkGoogleError::NoOtherWay);
        }
        if before.google.is_some() {
            tell(&*self.mailer, &user).await;
        }
        Ok(user)
    }
}
