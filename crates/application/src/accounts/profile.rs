//! One's own profile.
use crate::ports::{Unavailable, UserRepository};
use domain::{
    id::UserId,
    user::{ProfileChange, User},
};
use std::sync::Arc;

/// Shows and changes one's own profile.
pub struct Profile {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
}

/// Why a profile is not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The account is gone.
    #[error("this account no longer exists")]
    Gone,
    /// Somebody has this name, one that reads like it, or it is kept back.
    #[error("this username is taken")]
    UsernameTaken,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Profile {
    /// One's own account.
    pub async fn find(&self, me: UserId) -> Result<Option<User>, Unavailable> {
        self.users.find(me).await
    }

    /// Changes what is given and leaves the rest. Somebody who was let have a reserved name keeps it.
    pub async fn change(&self, me: UserId, change: &ProfileChange) -> Result<User, ProfileError> {
        if let Some(wished) = change.username.as_ref().filter(|name| name.is_reserved()) {
            let current = self.users.find(me).await?.ok_or(ProfileError::Gone)?;
            if current.username != *wished {
                return Err(ProfileError::UsernameTaken);
            }
        }
        match self.users.update_profile(me, change).await? {
            None => Err(ProfileError::Gone),
            Some(Err(_)) => Err(ProfileError::UsernameTaken),
            Some(Ok(user)) => Ok(user),
        }
    }
}
