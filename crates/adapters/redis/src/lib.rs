//! What makes many instances quick together: events, a session cache, shared limits, presence.
//!
//! Nothing depends on it. Redis may go, hang, forget everything or come back at any moment: nobody
//! waits for it longer than [`RedisOptions::response_limit`], once, and nothing fails for it. It is
//! not trusted either: events and sessions are sealed, and what limits are counted for is digested.
//!
//! One server (or a primary with replicas) is meant, not a cluster: scripts reach keys that they
//! read the names of.

#[macro_use]
mod scripts;

mod broadcast;
mod limiter;
mod link;
mod opening;
mod presence;
mod sessions;

pub use {
    broadcast::RedisBroadcast,
    limiter::RedisRateLimiter,
    link::{RedisLink, RedisOptions},
    opening::OpenError,
    presence::RedisPresence,
    sessions::CachedSessionRepository,
};
