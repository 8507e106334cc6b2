//! Signing in by a provider: what is remembered of people who are on their way there and back.
use crate::{TimeDelta, Timestamp, sealing::SealedPayload, token::TokenDigest};

/// Something that one browser has to bring back. Used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalSignIn {
    /// Digest of what the browser brings back to have it found.
    pub key: TokenDigest,
    /// What it is for, and what makes it this one's own.
    pub sealed: SealedPayload,
    /// When it began.
    pub begun_at: Timestamp,
}

impl ExternalSignIn {
    /// How long people have.
    pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);

    /// When it is forgotten.
    pub fn expires_at(&self) -> Timestamp {
        self.begun_at + Self::LIFETIME
    }

    /// Whether it still counts.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_ten_minutes() {
        let begun_at = Timestamp::UNIX_EPOCH;
        let sealed = SealedPayload::new(vec![1]);
        let errand = ExternalSignIn { key: TokenDigest([1; 32]), sealed, begun_at };
        assert!(errand.is_live(begun_at + TimeDelta::milliseconds(599_999)));
        assert!(!errand.is_live(begun_at + ExternalSignIn::LIFETIME));
    }
}
