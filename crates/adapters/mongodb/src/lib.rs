//! The store that many instances share: every repository on MongoDB.

mod store;

pub use store::MongoStore;
