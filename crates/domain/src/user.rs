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
    /// What they let others see of what they do.
    pub privacy: Privacy,
    /// When the account was opened.
    pub joined_at: Timestamp,
}

/// What somebody lets the people they talk with see of what they do, and so what they see of those:
/// each of the two works both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privacy {
    /// How far they have read.
    pub receipts: bool,
    /// Whether they are online, and when they left.
    pub presence: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { receipts: true, presence: true }
    }
}

impl Privacy {
    /// What two people see of each other: what both of them show.
    #[must_use]
    pub fn between(self, other: Self) -> Self {
        Self {
            receipts: self.receipts && other.receipts,
            presence: self.presence && other.presence,
        }
    }

    /// As it is after a change.
    #[must_use]
    pub fn changed(self, change: PrivacyChange) -> Self {
        Self {
            receipts: change.receipts.unwrap_or(self.receipts),
            presence: change.presence.unwrap_or(self.presence),
        }
    }
}

/// What people change about what they show; `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrivacyChange {
    /// Whether they show how far they have read.
    pub receipts: Option<bool>,
    /// Whether they show that they are online.
    pub presence: Option<bool>,
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [bool; 2] = [true, false];

    #[test]
    fn two_people_see_of_each_other_what_both_show() {
        let everything = Privacy::default();
        for (mine, theirs) in ALL.into_iter().flat_map(|mine| ALL.map(|theirs| (mine, theirs))) {
            let [one, other] = [mine, theirs].map(|receipts| Privacy { receipts, ..everything });
            let seen = Privacy { receipts: mine && theirs, presence: true };
            assert_eq!(one.between(other), seen);
            let [one, other] = [mine, theirs].map(|presence| Privacy { presence, ..everything });
            let seen = Privacy { receipts: true, presence: mine && theirs };
            assert_eq!(one.between(other), seen);
        }
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let before = Privacy { receipts: false, presence: true };
        assert_eq!(before.changed(PrivacyChange::default()), before);
        let neither = Privacy { receipts: false, presence: false };
        let change = PrivacyChange { presence: Some(false), ..PrivacyChange::default() };
        assert_eq!(before.changed(change), neither);
        let change = PrivacyChange { receipts: Some(true), presence: Some(true) };
        assert_eq!(neither.changed(change), Privacy::default());
    }
}
