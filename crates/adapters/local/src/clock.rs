//! The machine's clock.
use application::ports::Clock;
use domain::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock, in UTC, cut to whole milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port's production side")]
    fn now(&self) -> Timestamp {
        // A clock set before 1970 reads as 1970.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_timestamp_millis(millis).unwrap_or(Timestamp::MAX_UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_whole_milliseconds_of_this_century() {
        let now = SystemClock.now();
        assert_eq!(now.timestamp_subsec_nanos() % 1_000_000, 0);
        // 2025-01-01 and 2100-01-01.
        assert!((1_735_689_600..4_102_444_800).contains(&now.timestamp()));
    }
}
