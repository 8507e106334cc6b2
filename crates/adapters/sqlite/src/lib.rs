//! The embedded store: every repository on `SQLite`, in one file, without a server.
//!
//! One thread writes. It takes whatever callers have queued meanwhile, does all of it in one
//! transaction, syncs that to disk once, announces the changes and only then answers: a hundred
//! senders share the price of one sync. A few threads read beside it, each from a snapshot, so
//! that nobody waits for the writer to see what is stored.

#[macro_use]
mod sql;

mod attachments;
mod blocks;
mod ceremonies;
mod challenges;
mod external_sign_ins;
mod files;
mod heads;
mod keys;
mod known_devices;
mod lock;
mod messages;
mod outbox;
mod passkeys;
mod password_resets;
mod pictures;
mod readers;
mod registrations;
mod rooms;
mod rows;
mod schema;
mod second_factors;
mod sessions;
mod store;
mod users;
mod writer;

pub use {
    lock::DataDirLock,
    store::{FILE_NAME, SqliteStore},
};
