use super::Unavailable;
use async_trait::async_trait;
use domain::{
    Timestamp,
    email::Email,
    id::UserId,
    identity::ExternalIdentity,
    password::PasswordHash,
    user::{Privacy, PrivacyChange, ProfileChange, Taken, User},
    username::Username,
};

/// Every account there is.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Adds a user, unless another has its address, or a username of the same skeleton.
    ///
    /// This write decides, never a look-up before it: of two at once, exactly one is refused.
    async fn insert(&self, user: &User) -> Result<Result<(), Taken>, Unavailable>;

    /// The user with this id.
    async fn find(&self, id: UserId) -> Result<Option<User>, Unavailable>;

    /// The user with this address.
    async fn find_by_email(&self, email: &Email) -> Result<Option<User>, Unavailable>;

    /// The user who is this at a provider.
    async fn find_by_identity(
        &self,
        identity: &ExternalIdentity,
    ) -> Result<Option<User>, Unavailable>;

    /// The user with this username, compared by key.
    async fn find_by_username(&self, username: &Username) -> Result<Option<User>, Unavailable>;

    /// Whether somebody has this username or one of the same skeleton.
    async fn has_username_like(&self, username: &Username) -> Result<bool, Unavailable>;

    /// Those of these users that exist, in any order, in one round trip.
    async fn list(&self, ids: &[UserId]) -> Result<Vec<User>, Unavailable>;

    /// Users whose username's key begins with `prefix` (in lower case, taken literally), by key;
    /// nobody whom the operator keeps out.
    async fn list_by_username_prefix(
        &self,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<User>, Unavailable>;

    /// Changes a profile and returns it as it is now, or says that the username is taken (as
    /// [`UserRepository::insert`] decides it). `None` if there is no such user.
    async fn update_profile(
        &self,
        id: UserId,
        change: &ProfileChange,
    ) -> Result<Option<Result<User, Taken>>, Unavailable>;

    /// Gives somebody another password, or their first. `false` if there is no such user.
    async fn replace_password(
        &self,
        id: UserId,
        password: &PasswordHash,
    ) -> Result<bool, Unavailable>;

    /// Gives somebody another address and returns them as they are now, or says that it is taken
    /// (as [`UserRepository::insert`] decides it). `None` if there is no such user.
    async fn replace_email(
        &self,
        id: UserId,
        email: &Email,
    ) -> Result<Option<Result<User, Taken>>, Unavailable>;

    /// Links an account elsewhere with somebody who has none linked, and returns them as they are
    /// now: whoever has another one linked keeps that. Says that it is taken if it belongs to
    /// somebody else; this write decides, as in [`UserRepository::insert`]. `None` if there is no
    /// such user.
    async fn link_identity(
        &self,
        id: UserId,
        identity: &ExternalIdentity,
    ) -> Result<Option<Result<User, Taken>>, Unavailable>;

    /// Takes the account elsewhere away from somebody who has a password, and returns them as they
    /// are now: whoever has none keeps it. `None` if there is no such user.
    async fn unlink_identity(&self, id: UserId) -> Result<Option<User>, Unavailable>;

    /// Up to `limit` users behind one, by id: in the order in which they joined.
    async fn list_page(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, Unavailable>;

    /// Keeps somebody out since a moment, or lets them in again, and returns them as they are now.
    /// `None` if there is no such user.
    async fn set_disabled(
        &self,
        id: UserId,
        since: Option<Timestamp>,
    ) -> Result<Option<User>, Unavailable>;

    /// Changes what somebody lets others see, and returns what they did until then: of changes that
    /// race, each finds what the one before it left. `None` if there is no such user.
    async fn change_privacy(
        &self,
        id: UserId,
        change: PrivacyChange,
    ) -> Result<Option<Privacy>, Unavailable>;

    /// Forgets somebody together with their picture; their names and address are free from then on.
    /// Forgetting somebody who is gone is fine.
    async fn remove(&self, id: UserId) -> Result<(), Unavailable>;
}
