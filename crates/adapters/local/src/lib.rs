//! What a single instance does within its own process: the clock, live events, rate limits, who is
//! here.
//!
//! Nothing here outlives the process, and nothing here needs to: events are hints, and a restart
//! forgives a few tries.

mod bus;
mod clock;
mod limiter;
mod presence;

pub use {
    bus::{BUFFERED_EVENTS, LocalEventBus},
    clock::SystemClock,
    limiter::{LocalRateLimiter, UnlimitedRateLimiter},
    presence::LocalPresence,
};
