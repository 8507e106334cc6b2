//! Codes mailed to people who have an account: to confirm what they are about to do, or to prove
//! that a new address, or the account itself, is theirs.
use crate::{
    email::Email,
    id::{SessionId, UserId},
    otp::Otp,
};

/// What a code is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengePurpose {
    /// In place of a password, to confirm something that is asked for by the session.
    Confirm,
    /// To prove that the address it was mailed to is the person's new one.
    NewEmail,
    /// To prove that an account is one's own before an account elsewhere is linked with it.
    LinkIdentity,
}

impl ChallengePurpose {
    /// What stores keep, and what a code's digest is bound to.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::NewEmail => "new_email",
            Self::LinkIdentity => "link_identity",
        }
    }
}

/// A code that was mailed to somebody who has an account. It belongs to the session that asked for
/// it, or to the one that it is to open: nobody else can use up its tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Whose session.
    pub session: SessionId,
    /// What it is good for; a session has one at most for each.
    pub purpose: ChallengePurpose,
    /// Whose account it is.
    pub user: UserId,
    /// Where the code was mailed to.
    pub email: Email,
    /// The code last mailed.
    pub otp: Otp,
}
