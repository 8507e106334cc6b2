//! Sign-ups whose address is not proved yet. They live apart from accounts, hold no name and no
//! address against anybody, and expire.
use crate::{
    TimeDelta, Timestamp,
    email::Email,
    id::{RegistrationId, UserId},
    name::PersonName,
    otp::Otp,
    password::PasswordHash,
    token::TokenDigest,
    user::{Privacy, User},
    username::Username,
};

/// One browser's attempt to open an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Names it; the code's digest is bound to it.
    pub id: RegistrationId,
    /// Digest of the flow token of the browser that may prove it. Nobody else can use up its tries.
    pub flow: TokenDigest,
    /// The username wished for; not reserved.
    pub username: Username,
    /// The address to prove.
    pub email: Email,
    /// May be empty.
    pub first_name: PersonName,
    /// May be empty.
    pub last_name: PersonName,
    /// Of the password chosen.
    pub password: PasswordHash,
    /// The code last mailed.
    pub otp: Otp,
    /// When the sign-up began.
    pub created_at: Timestamp,
}

impl Registration {
    /// How long an unproved sign-up is kept.
    pub const LIFETIME: TimeDelta = TimeDelta::hours(24);

    /// When it is forgotten.
    pub fn expires_at(&self) -> Timestamp {
        self.created_at + Self::LIFETIME
    }

    /// Whether it still counts.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at()
    }

    /// The account this becomes once its address is proved.
    pub fn into_user(self, id: UserId, now: Timestamp) -> User {
        User {
            id,
            username: self.username,
            email: self.email,
            first_name: self.first_name,
            last_name: self.last_name,
            password: Some(self.password),
            google: None,
            picture: None,
            disabled_at: None,
            privacy: Privacy::default(),
            joined_at: now,
        }
    }
}
