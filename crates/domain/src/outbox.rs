//! Mail on its way out: how often it is tried, and for how long.
pub use crate::id::MailId;
use crate::{TimeDelta, Timestamp, sealing::SealedPayload};

/// A mail that waits to be delivered, as it rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Names it.
    pub id: MailId,
    /// Recipient and words, sealed.
    pub sealed: SealedPayload,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it is to be tried next.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
}

impl OutgoingMail {
    /// Whoever takes a mail to deliver it has so long before another takes it over.
    pub const LEASE: TimeDelta = TimeDelta::minutes(2);
    /// A mail that could not be delivered for so long is given up.
    pub const LIFETIME: TimeDelta = TimeDelta::days(2);
    /// The first wait after a failure; each further one is twice as long.
    const FIRST_WAIT: TimeDelta = TimeDelta::seconds(5);
    /// The longest wait.
    const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(30);

    /// When to try again after a failure at `now`: ever later (RFC 5321 §4.5.4.1). `None` once it
    /// is time to give up.
    pub fn retry_at(&self, now: Timestamp) -> Option<Timestamp> {
        if now - self.created_at >= Self::LIFETIME {
            return None;
        }
        let doublings = self.attempts.saturating_sub(1).min(16);
        let wait = (Self::FIRST_WAIT * 2_i32.pow(doublings)).min(Self::LONGEST_WAIT);
        Some(now + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(attempts: u32) -> OutgoingMail {
        OutgoingMail {
            id: MailId::from_bytes([1; 16]),
            sealed: SealedPayload::new(vec![2]),
            created_at: Timestamp::UNIX_EPOCH,
            due_at: Timestamp::UNIX_EPOCH,
            attempts,
        }
    }

    #[test]
    fn each_wait_is_twice_as_long_until_half_an_hour() {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::hours(1);
        let waits = [1, 2, 3, 9, 10, u32::MAX]
            .map(|attempts| tried(attempts).retry_at(now).map(|at| (at - now).num_seconds()));
        assert_eq!(waits, [5, 10, 20, 1280, 1800, 1800].map(Some));
    }

    #[test]
    fn after_two_days_a_mail_is_given_up() {
        let last = Timestamp::UNIX_EPOCH + OutgoingMail::LIFETIME;
        assert!(tried(1).retry_at(last - TimeDelta::milliseconds(1)).is_some());
        assert_eq!(tried(1).retry_at(last), None);
    }
}
