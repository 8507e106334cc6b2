//! People, rooms, messages and the rules they live by.
//!
//! Pure: functions are handed the time and random bytes, and nothing here waits,
//! stores or talks to anyone.

pub mod attachment;
pub mod block;
pub mod ceremony;
pub mod challenge;
pub mod device;
pub mod email;
pub mod event;
pub mod external_sign_in;
pub mod history;
pub mod id;
pub mod identity;
pub mod known_device;
pub mod message;
pub mod name;
pub mod network;
pub mod otp;
pub mod outbox;
pub mod passkey;
pub mod password;
pub mod password_reset;
pub mod picture;
pub mod reaction;
pub mod registration;
pub mod return_path;
pub mod room;
pub mod sealing;
pub mod search;
pub mod second_factor;
pub mod session;
pub mod throttle;
pub mod token;
pub mod totp;
pub mod user;
pub mod username;

pub use chrono::TimeDelta;

/// A moment in UTC; kept and shown with millisecond precision.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// A moment as the API writes it: RFC 3339, UTC, with milliseconds.
pub fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
