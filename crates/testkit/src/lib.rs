//! Stand-ins for the outside, things to test with, and the contracts that adapters must keep.
//! Only ever a dev-dependency.
//!
//! The stand-ins do what their ports promise, quickly and predictably; the cryptography is fake and
//! looks it. A contract is a set of cases that every adapter of a port must pass:
//! [`store_contract!`] runs those of the store against any one of them, [`presence_contract!`] those
//! of presence.
#![expect(clippy::missing_panics_doc, reason = "panicking is how a test fails")]

mod builders;
mod bus;
mod clock;
pub mod contract;
mod crypto;
mod entropy;
mod limiter;
mod mailer;

pub use {
    builders::{
        START, a_ceremony, a_challenge, a_known_device, a_message, a_passkey, a_password_reset,
        a_registration, a_room_of, a_second_factor, a_session, a_user, an_arriving_file, an_email,
        an_emoji, an_errand, an_identity, an_open_room, later, resent,
    },
    bus::RecordingBus,
    clock::FixedClock,
    contract::{StoreUnderTest, presence::PresenceUnderTest},
    crypto::{PlainDigester, PlainHasher, PlainPayloadSealer, PlainPieceSealer, PlainSealer},
    entropy::{CountingEntropy, Dice},
    limiter::OpenLimiter,
    mailer::RecordingMailer,
};
