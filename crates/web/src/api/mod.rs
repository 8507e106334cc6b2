//! The JSON API: one file an area, and the shapes they share.
pub mod accounts;
pub mod attachments;
pub mod export;
pub mod google;
pub mod me;
pub mod messages;
pub mod passkeys;
pub mod people;
pub mod picture;
pub mod privacy;
pub mod rooms;
pub mod search;
pub mod second_factor;
pub mod security;
pub mod sessions;
pub mod shapes;

use poem_openapi::Tags;

/// The areas of the API.
#[derive(Tags)]
pub enum Area {
    /// Opening an account, signing in and out.
    Accounts,
    /// One's own profile.
    Me,
    /// Where one is signed in.
    Sessions,
    /// Finding people.
    People,
    /// Rooms.
    Rooms,
    /// Messages and their history.
    Messages,
}
