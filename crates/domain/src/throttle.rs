//! Rate limits by the generic cell rate algorithm (GCRA, ITU-T I.371): one moment of state for
//! each key, no window edges.
use crate::{TimeDelta, Timestamp};

/// How often something may happen: a burst at once, then one every `every`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many at once.
    pub burst: u32,
    /// How long until one more.
    pub every: TimeDelta,
}

/// Too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests; wait {} s", .retry_after.num_seconds() + 1)]
pub struct Throttled {
    /// How long to wait.
    pub retry_after: TimeDelta,
}

impl Quota {
    /// A quota of `burst` at once, then one every `every`.
    pub const fn new(burst: u32, every: TimeDelta) -> Self {
        Self { burst, every }
    }

    /// Judges one more event at `now`, given the state that the last admitted one left (`None` at
    /// first); gives the state to keep.
    pub fn admit(self, state: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Throttled> {
        let tolerance =
            self.every * i32::try_from(self.burst.saturating_sub(1)).unwrap_or(i32::MAX);
        // No state lies further ahead, unless the clock was set back: then nobody waits for it.
        let furthest = now + tolerance + self.every;
        let theoretical = state.map_or(now, |arrival| arrival.clamp(now, furthest));
        let allowed_at = theoretical - tolerance;
        if now < allowed_at {
            return Err(Throttled { retry_after: allowed_at - now });
        }
        Ok(theoretical + self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let quota = Quota::new(3, TimeDelta::seconds(1));
        let start = Timestamp::UNIX_EPOCH;
        let mut state = None;
        for _ in 0..3 {
            state = Some(quota.admit(state, start).expect("within the burst"));
        }
        assert_eq!(
            quota.admit(state, start),
            Err(Throttled { retry_after: TimeDelta::seconds(1) })
        );
        assert!(quota.admit(state, start + TimeDelta::seconds(1)).is_ok());
    }

    #[test]
    fn a_clock_set_back_makes_nobody_wait_longer_than_the_quota() {
        let quota = Quota::new(2, TimeDelta::seconds(10));
        let far_ahead = Some(Timestamp::UNIX_EPOCH + TimeDelta::days(1));
        let wait = quota.admit(far_ahead, Timestamp::UNIX_EPOCH).expect_err("the quota is used up");
        assert_eq!(wait.retry_after, TimeDelta::seconds(10));
    }

    proptest! {
        #[test]
        fn never_more_than_the_quota_in_any_span(gaps in prop::collection::vec(0i64..3_000, 1..200), burst in 1u32..10) {
            let quota = Quota::new(burst, TimeDelta::seconds(1));
            let (mut now, mut state, mut admitted) = (Timestamp::UNIX_EPOCH, None, Vec::new());
            for gap in gaps {
                now += TimeDelta::milliseconds(gap);
                if let Ok(next) = quota.admit(state, now) {
                    state = Some(next);
                    admitted.push(now);
                }
            }
            for (i, first) in admitted.iter().enumerate() {
                for (j, last) in admitted.iter().enumerate().skip(i) {
                    let allowed = i64::from(burst) + (*last - *first).num_seconds();
                    prop_assert!(i64::try_from(j - i + 1).expect("few") <= allowed);
                }
            }
        }
    }
}
