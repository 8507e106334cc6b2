//! Signing in with Google, or whichever provider stands in its place, and linking accounts with it.
//!
//! Who somebody is there is told by the provider's own name for them alone, never by an address. An
//! account that has the same address is linked only once its owner has shown that it is theirs.
mod begin;
mod errands;
mod finish;
mod link_by_code;
mod unlink;

pub use begin::{BeginGoogle, BeginGoogleError, Departure};
pub use errands::{Errand, Errands};
pub use finish::{Answer, Arrival, Arrived, FinishGoogle, NewArrivals, Stranded, Why};
pub use link_by_code::{LinkByCode, LinkByCodeError, WaitingLink};
pub use unlink::{UnlinkGoogle, UnlinkGoogleError};

use crate::ports::{Mail, Mailer};
use domain::user::User;

/// The account is linked, or no longer; a lost notice must not undo it.
async fn tell(mailer: &dyn Mailer, user: &User) {
    let (username, linked) = (user.username.clone(), user.google.is_some());
    if let Err(error) = mailer.send(&user.email, Mail::GoogleChanged { username, linked }).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(user = %user.id, error, "the notice of a linked account was not sent");
    }
}
