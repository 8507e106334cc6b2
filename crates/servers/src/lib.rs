//! Real servers for tests: MongoDB and Redis.
//!
//! [`mongodb()`] and [`redis()`] share one server of a kind among all tests of a test program. It is had
//! in one of three ways, decided once and printed:
//!
//! 1. **given**: `TEST_MONGODB_URI` and `TEST_REDIS_URL` name servers, which are used and never stopped;
//! 2. **containers**: testcontainers starts `mongo:6.0` and `redis:7-alpine` (other names in
//!    `TEST_MONGODB_IMAGE` and `TEST_REDIS_IMAGE`) where a Docker engine answers;
//! 3. **local**: `mongod` and `redis-server` of this machine.
//!
//! `TEST_SERVERS` set to one of those words allows that way alone. Where none works, the test fails:
//! it never passes by skipping.
//!
//! [`Mongod`] and [`Redis`] are local servers of a test's own, to be killed, halted and restarted. One
//! that is to be started otherwise is made of a [`Folder`] and a [`Process`].
//!
//! [`openid`] is a provider that signs people in, honestly or not, in a thread of the test program.
//!
//! Whatever is started here ends with the test program, also when that is killed: see `guard.rs`.
#![expect(clippy::missing_panics_doc, reason = "a test that gets no server ends in a panic")]

mod binaries;
mod containers;
mod guard;
mod mongod;
pub mod openid;
mod ports;
mod process;
mod redis_server;
mod replica_set;
mod shared;

pub use {
    binaries::{mongod_binary, redis_server_binary},
    mongod::Mongod,
    ports::free_port,
    process::{Folder, Process},
    redis_server::Redis,
    shared::{mongodb, redis},
};

use std::time::Duration;

/// Longer than a local server takes to start, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at something that is about to happen.
const GLANCE: Duration = Duration::from_millis(20);
