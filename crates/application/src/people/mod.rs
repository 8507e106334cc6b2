//! Finding people, and keeping them away.
mod blocks;
mod find;

pub use blocks::{BlockError, Blocks};
pub use find::{FindPeople, FindPeopleError};
