//! Accounts.
use crate::{
    Timestamp, email::Email, id::UserId, identity::ExternalIdentity, name::PersonName,
    password::PasswordHash, picture::PictureId, username::Username,
};

/// A person with an account. The address is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Stays for life.
    pub id: UserId,
    /// Unique; can be changed.
    pub username: Username,
    /// Unique, and never shown to others.
    pub email: Email,
    /// May be empty.
    pub first_name: PersonName,
    /// May be empty.
    pub last_name: PersonName,
    /// Absent where somebody only signs in by other means.
    pub password: Option<PasswordHash>,
    /// Who they are at Google, where they sign in by it. Unique.
    pub google: Option<ExternalIdentity>,
    /// Their picture, if they have one.
    pub picture: Option<PictureId>,
    /// Since when the operator keeps them out, if so.
    pub disabled_at: Option<Timestamp>,
    /// When the account was opened.
    pub joined_at: Timestamp,
}

/// What people change about themselves; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// A new username.
    pub username: Option<Username>,
    /// A new first name.
    pub first_name: Option<PersonName>,
    /// A new last name.
    pub last_name: Option<PersonName>,
}

/// Which of a person's unique names somebody else already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Taken {
    /// The address.
    #[error("the email address is taken")]
    Email,
    /// The username, or one that reads like it.
    #[error("the username is taken")]
    Username,
    /// The account at Google.
    #[error("this Google account belongs to somebody else here")]
    Identity,
}
