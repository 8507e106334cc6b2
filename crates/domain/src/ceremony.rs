//! What takes more than one request: begun in a browser, to be finished there within minutes.
use crate::{TimeDelta, Timestamp, id::UserId, sealing::SealedPayload, token::TokenDigest};

/// What is to be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CeremonyKind {
    /// Signing in: the first factor was right, the second is outstanding.
    SecondStep,
    /// Making a passkey.
    MakePasskey,
    /// Signing in with a passkey.
    SignInByPasskey,
}

impl CeremonyKind {
    /// What stores keep.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecondStep => "second_step",
            Self::MakePasskey => "make_passkey",
            Self::SignInByPasskey => "sign_in_by_passkey",
        }
    }
}

/// Something begun. It belongs to the browser that holds its token: nobody else can finish it or
/// use up its tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// Digest of the token of the browser.
    pub flow: TokenDigest,
    /// What it is; a browser has one at most of each kind.
    pub kind: CeremonyKind,
    /// Whose it is; nobody's as long as nobody has said who they are.
    pub user: Option<UserId>,
    /// What has to be known when it ends.
    pub state: SealedPayload,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// Tries begun, those under way included.
    pub attempts: u32,
}

impl Ceremony {
    /// How long one may take.
    pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);
    /// How often one can try to end it.
    pub const MAX_ATTEMPTS: u32 = 5;

    /// Whether it can still be finished, by the try that the store has counted last.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.begun_at + Self::LIFETIME && self.attempts <= Self::MAX_ATTEMPTS
    }

    /// Tries that remain.
    pub fn attempts_left(&self) -> u32 {
        Self::MAX_ATTEMPTS.saturating_sub(self.attempts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn tried(attempts: u32) -> Ceremony {
        let user = Some(UserId::from_bytes([1; 16]));
        let (flow, state) = (TokenDigest([2; 32]), SealedPayload::new(vec![]));
        Ceremony { flow, kind: CeremonyKind::SecondStep, user, state, begun_at: NOW, attempts }
    }

    #[test]
    fn it_ends_after_ten_minutes_or_five_tries() {
        let last_moment = NOW + TimeDelta::milliseconds(599_999);
        assert!(tried(5).is_live(last_moment));
        assert!(!tried(5).is_live(NOW + Ceremony::LIFETIME));
        assert!(!tried(6).is_live(NOW));
        assert_eq!([0, 4, 5, 6].map(|n| tried(n).attempts_left()), [5, 1, 0, 0]);
    }
}
