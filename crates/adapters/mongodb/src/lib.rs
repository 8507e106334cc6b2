//! The store that many instances share: every repository on MongoDB.
//!
//! What is acknowledged is on the disks of a majority of the replica set. Every call has a time
//! limit. Nothing the server says of a failure is passed on but its code: its words quote the
//! documents it failed on.

mod admin;
mod attachments;
mod blocks;
mod bson;
mod ceremonies;
mod challenges;
mod documents;
mod errors;
mod external_sign_ins;
mod greeting;
mod heads;
mod keys;
mod known_devices;
mod messages;
mod open_error;
mod options;
mod outbox;
mod passkeys;
mod password_resets;
mod pictures;
mod probe;
mod registrations;
mod rooms;
mod schema;
mod second_factors;
mod sessions;
mod store;
mod users;

pub use {
    admin::{check_server, initiate_replica_set, settle_user},
    open_error::OpenError,
    options::database_name,
    store::MongoStore,
};
