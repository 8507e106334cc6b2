//! What keeps an instance sound: the right keys, no leftovers, mail on its way.
mod accept_mail;
mod adopt_keys;
mod deliver_mail;
mod sealed_mail;
mod sweep;

pub use accept_mail::AcceptMail;
pub use adopt_keys::{AdoptKeys, AdoptKeysError};
pub use deliver_mail::DeliverMail;
pub use sweep::Sweep;
