use crate::START;
use application::ports::Clock;
use domain::{TimeDelta, Timestamp};
use std::sync::{Mutex, PoisonError};

/// A clock that stands at [`START`] until somebody moves it.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl Default for FixedClock {
    fn default() -> Self {
        Self(Mutex::new(START))
    }
}

impl FixedClock {
    /// Moves the hands; back as well, if `by` is negative.
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
