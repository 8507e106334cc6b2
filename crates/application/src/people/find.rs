//! Finding people.
use crate::{
    limits::Limits,
    ports::{Unavailable, UserRepository},
};
use domain::{id::UserId, throttle::Throttled, user::User};
use std::sync::Arc;

/// Finds people by the beginning of their username.
pub struct FindPeople {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Bounds searches: they would list everybody otherwise.
    pub limits: Limits,
}

/// Why nobody is found.
#[derive(Debug, thiserror::Error)]
pub enum FindPeopleError {
    /// Fewer than 2 characters.
    #[error("type at least {} characters of the username", FindPeople::MIN_PREFIX)]
    TooShort,
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl FindPeople {
    /// Fewest characters to search for.
    pub const MIN_PREFIX: usize = 2;
    /// Most people found.
    pub const MOST: usize = 20;

    /// Up to 20 other people whose username begins so, whatever the case.
    pub async fn execute(&self, me: UserId, query: &str) -> Result<Vec<User>, FindPeopleError> {
        let prefix = query.trim().to_lowercase();
        if prefix.chars().count() < Self::MIN_PREFIX {
            return Err(FindPeopleError::TooShort);
        }
        self.limits.search(me).await?;
        let found = self.users.list_by_username_prefix(&prefix, Self::MOST + 1).await?;
        Ok(found.into_iter().filter(|user| user.id != me).take(Self::MOST).collect())
    }
}
