//! What keeps an instance sound: the right keys, no leftovers.
mod adopt_keys;
mod sweep;

pub use adopt_keys::{AdoptKeys, AdoptKeysError};
pub use sweep::Sweep;
