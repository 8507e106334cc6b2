//! What people do with Sotto: one file a use case, and the ports they need.
//!
//! Use cases are plain structs of ports, built by struct literal where the program is wired. Each
//! owns a rule, an authorisation or an ordering.

pub mod accounts;
pub mod chat;
pub mod files;
mod known_rooms;
pub mod limits;
pub mod measured;
pub mod operations;
pub mod people;
pub mod ports;

pub use known_rooms::KnownRooms;
