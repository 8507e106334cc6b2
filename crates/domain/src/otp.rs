//! One-time passwords: the six digits that are mailed to prove an address is read.
use crate::{TimeDelta, Timestamp, sealing::KeyedDigest};
use zeroize::Zeroizing;

/// The digits themselves. They live from minting to mailing, never at rest; no `Debug`.
#[derive(Clone)]
pub struct OtpCode(Zeroizing<String>);

impl OtpCode {
    /// Six digits from 64 random bits (the bias of the remainder is below 2⁻⁴⁴).
    pub fn mint(random: [u8; 8]) -> Self {
        Self(Zeroizing::new(format!("{:06}", u64::from_be_bytes(random) % 1_000_000)))
    }

    /// A code as somebody typed it: spaces and dashes do not count.
    pub fn typed(raw: &str) -> Self {
        Self(Zeroizing::new(
            raw.chars().filter(|c| !c.is_whitespace() && *c != '-').take(16).collect(),
        ))
    }

    /// The digits, for the mail and the digester alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What we keep of a code we mailed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otp {
    /// Keyed: a million codes are quickly tried.
    pub digest: KeyedDigest,
    /// When it was sent; its life begins here.
    pub sent_at: Timestamp,
    /// Tries begun, those under way included.
    pub attempts: u32,
}

/// Why a code does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtpRejected {
    /// Older than [`Otp::LIFETIME`].
    #[error("the code has expired; ask for a new one")]
    Expired,
    /// Tried [`Otp::MAX_ATTEMPTS`] times.
    #[error("the code was tried too often; ask for a new one")]
    Exhausted,
    /// Not these digits.
    #[error("the code is not right")]
    Wrong {
        /// Tries that remain.
        attempts_left: u32,
    },
}

impl Otp {
    /// How long a code is good for.
    pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);
    /// How often it can be tried.
    pub const MAX_ATTEMPTS: u32 = 3;
    /// How long between two codes.
    pub const RESEND_AFTER: TimeDelta = TimeDelta::seconds(60);

    /// A code just sent.
    pub fn sent(digest: KeyedDigest, now: Timestamp) -> Self {
        Self { digest, sent_at: now, attempts: 0 }
    }

    /// Judges a try that the store has already counted.
    pub fn judge(&self, digits_match: bool, now: Timestamp) -> Result<(), OtpRejected> {
        if now >= self.expires_at() {
            return Err(OtpRejected::Expired);
        }
        if self.attempts > Self::MAX_ATTEMPTS {
            return Err(OtpRejected::Exhausted);
        }
        if digits_match {
            return Ok(());
        }
        Err(OtpRejected::Wrong { attempts_left: self.attempts_left() })
    }

    /// Tries that remain.
    pub fn attempts_left(&self) -> u32 {
        Self::MAX_ATTEMPTS.saturating_sub(self.attempts)
    }

    /// When it stops being good.
    pub fn expires_at(&self) -> Timestamp {
        self.sent_at + Self::LIFETIME
    }

    /// When another may be sent.
    pub fn resend_at(&self) -> Timestamp {
        self.sent_at + Self::RESEND_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(times: u32) -> Otp {
        Otp { digest: KeyedDigest::new(vec![]), sent_at: Timestamp::UNIX_EPOCH, attempts: times }
    }
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_code_always_has_six_digits() {
        assert_eq!(OtpCode::mint([0; 8]).reveal(), "000000");
        assert_eq!(OtpCode::mint([0, 0, 0, 0, 0, 0, 0, 42]).reveal(), "000042");
        assert_eq!(OtpCode::typed(" 12-34 56").reveal(), "123456");
    }

    #[test]
    fn three_tries_are_judged_and_no_fourth() {
        for (attempt, attempts_left) in [(1, 2), (2, 1), (3, 0)] {
            assert_eq!(tried(attempt).judge(false, NOW), Err(OtpRejected::Wrong { attempts_left }));
            assert_eq!(tried(attempt).judge(true, NOW), Ok(()));
        }
        assert_eq!(tried(4).judge(true, NOW), Err(OtpRejected::Exhausted));
    }

    #[test]
    fn a_code_dies_after_ten_minutes() {
        let last_moment = NOW + TimeDelta::milliseconds(599_999);
        assert_eq!(tried(1).judge(true, last_moment), Ok(()));
        assert_eq!(tried(1).judge(true, NOW + Otp::LIFETIME), Err(OtpRejected::Expired));
    }
}
