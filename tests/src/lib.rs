//! What the journeys share: the real program as a child process, browsers, people and sockets.
//!
//! Every server is on a port and a data dir of its own and dies with the test process. Nothing here
//! waits for ever: what does not come within [`PATIENCE`] is a failure.
#![expect(clippy::missing_panics_doc, reason = "a journey that goes wrong ends in a panic")]

mod answer;
mod browser;
mod correspondent;
pub mod deployment;
mod entrance;
pub mod nginx;
mod person;
mod phone;
mod process;
mod program;
pub mod races;
mod recorder;
pub mod search;
mod server;
pub mod smtp;
mod socket;
mod store;

pub use {
    answer::Answer,
    browser::Browser,
    correspondent::{Correspondent, Traffic},
    deployment::Deployment,
    entrance::Entrance,
    person::{PASSWORD, Person},
    phone::Phone,
    process::{Ended, run},
    program::program,
    recorder::Recorder,
    server::{Mail, Server},
    socket::{Heard, Refused, Socket, send_frame},
};

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A name nobody has yet.
pub fn unique(name: &str) -> String {
    let random = random() & 0xff_ffff;
    format!("{name}-{random:06x}{:x}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// A name for a message that was never used.
pub fn client_id() -> String {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random().to_be_bytes());
    bytes[8..].copy_from_slice(&random().to_be_bytes());
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// The standard library seeds every `RandomState` anew: random enough for names.
fn random() -> u64 {
    RandomState::new().hash_one(COUNTER.fetch_add(1, Ordering::Relaxed))
}
