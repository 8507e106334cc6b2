//! Signed-in browsers.
use crate::{
    TimeDelta, Timestamp,
    device::Device,
    id::{SessionId, UserId},
    token::TokenDigest,
};

/// One signed-in browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its public name; worth nothing to a thief.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Digest of the token in the browser's cookie.
    pub token: TokenDigest,
    /// What it was opened from.
    pub device: Device,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used, to within [`Session::TOUCH_EVERY`].
    pub last_used_at: Timestamp,
}

impl Session {
    /// Unused for so long, a session ends.
    pub const IDLE: TimeDelta = TimeDelta::days(14);
    /// However much it is used, a session ends after this.
    pub const ABSOLUTE: TimeDelta = TimeDelta::days(90);
    /// Most that a person has; beyond them, those that were used least recently end.
    pub const MOST: usize = 200;
    /// Use is noted at most this often.
    pub const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(5);

    /// A session that begins now.
    pub fn begin(
        id: SessionId,
        user: UserId,
        token: TokenDigest,
        device: Device,
        now: Timestamp,
    ) -> Self {
        Self { id, user, token, device, created_at: now, last_used_at: now }
    }

    /// When it ends if it is not used again.
    pub fn expires_at(&self) -> Timestamp {
        (self.last_used_at + Self::IDLE).min(self.created_at + Self::ABSOLUTE)
    }

    /// Whether it still counts.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at()
    }

    /// Whether using it now is worth noting.
    pub fn wants_touch(&self, now: Timestamp) -> bool {
        now - self.last_used_at >= Self::TOUCH_EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(created_days_ago: i64, used_days_ago: i64) -> (Session, Timestamp) {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::days(1000);
        let session = Session {
            id: SessionId::from_bytes([1; 16]),
            user: UserId::from_bytes([2; 16]),
            token: TokenDigest([3; 32]),
            device: Device::of("", [127, 0, 0, 1].into()),
            created_at: now - TimeDelta::days(created_days_ago),
            last_used_at: now - TimeDelta::days(used_days_ago),
        };
        (session, now)
    }

    #[test]
    fn use_keeps_a_session_alive_but_not_for_ever() {
        for (created, last_used, live) in
            [(13, 13, true), (14, 14, false), (89, 0, true), (90, 0, false)]
        {
            let (session, now) = used(created, last_used);
            assert_eq!(session.is_live(now), live, "created {created}, used {last_used} days ago");
        }
    }
}
