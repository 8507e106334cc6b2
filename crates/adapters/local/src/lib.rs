//! What an instance does within its own process: the clock, live events, rate limits, who is here.
//!
//! Nothing here outlives the process, and nothing here needs to: events are hints, and a restart
//! forgives a few tries. An instance that is alone has [`LocalEventBus`]; one among many has
//! [`RelayEventBus`] around it.

mod bus;
mod clock;
mod limiter;
mod presence;
mod relay;

pub use {
    bus::{BUFFERED_EVENTS, LocalEventBus},
    clock::SystemClock,
    limiter::{LocalRateLimiter, UnlimitedRateLimiter},
    presence::LocalPresence,
    relay::{RelayEventBus, RelayFigures},
};
