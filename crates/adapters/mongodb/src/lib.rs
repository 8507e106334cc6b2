//! The store that many instances share: every repository on MongoDB.
//!
//! What is acknowledged is on the disks of a majority of the replica set. Every call has a time
//! limit. Nothing the server says of a failure is passed on but its code: its words quote the
//! documents it failed on.

mod bson;
mod errors;
mod schema;
mod store;

pub use store::MongoStore;
