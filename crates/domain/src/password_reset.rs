//! Forgotten passwords: a mailed link lets its reader choose a new one.
use crate::{TimeDelta, Timestamp, id::UserId, token::TokenDigest};

/// A link that was mailed. A person has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordReset {
    /// Digest of the token in the link.
    pub token: TokenDigest,
    /// Whose password it changes.
    pub user: UserId,
    /// When it was mailed.
    pub created_at: Timestamp,
}

impl PasswordReset {
    /// How long a link is good for.
    pub const LIFETIME: TimeDelta = TimeDelta::minutes(30);
    /// How long between two of them.
    pub const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(60);

    /// Whether it still counts.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.created_at + Self::LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_dies_after_half_an_hour() {
        let created_at = Timestamp::UNIX_EPOCH;
        let user = UserId::from_bytes([1; 16]);
        let reset = PasswordReset { token: TokenDigest([2; 32]), user, created_at };
        assert!(reset.is_live(created_at + TimeDelta::milliseconds(1_799_999)));
        assert!(!reset.is_live(created_at + PasswordReset::LIFETIME));
    }
}
