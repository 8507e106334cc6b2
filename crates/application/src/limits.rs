//! How often people may do what costs something, in one place.
use crate::ports::{LimitKey, RateLimiter};
use domain::{
    TimeDelta,
    email::Email,
    id::{RoomId, UserId},
    network::Network,
    throttle::{Quota, Throttled},
    token::TokenDigest,
};
use std::{fmt::Write, net::IpAddr, sync::Arc};

const SIGN_UPS_BY_ADDRESS: Quota = Quota::new(100, TimeDelta::seconds(3));
const CODE_MAILS_BY_RECIPIENT: Quota = Quota::new(10, TimeDelta::minutes(6));
const CODE_TRIES_BY_ADDRESS: Quota = Quota::new(120, TimeDelta::seconds(2));
/// Of a million codes three count at a time: below one in a thousand chances a day for somebody who
/// has the password, and never stops.
const APP_CODES_BY_USER: Quota = Quota::new(10, TimeDelta::minutes(5));
const WARNINGS_BY_USER: Quota = Quota::new(3, TimeDelta::hours(1));
const FORGOTTEN_BY_ADDRESS: Quota = Quota::new(30, TimeDelta::seconds(20));
/// To a provider that signs people in, and back.
const DEPARTURES_BY_ADDRESS: Quota = Quota::new(60, TimeDelta::seconds(1));
const CONFIRMATIONS_BY_USER: Quota = Quota::new(20, TimeDelta::seconds(30));
const SIGN_INS_BY_ADDRESS: Quota = Quota::new(100, TimeDelta::seconds(1));
const SIGN_INS_BY_NAME_AND_ADDRESS: Quota = Quota::new(20, TimeDelta::seconds(10));
/// What is left for guessing at one account from all networks together: 50 by its name and 50 by
/// its address, then six an hour each.
const GUESSES_BY_NAME: Quota = Quota::new(50, TimeDelta::minutes(10));
const SIGN_INS_BY_DEVICE: Quota = Quota::new(20, TimeDelta::minutes(1));
const SEARCHES_BY_USER: Quota = Quota::new(60, TimeDelta::milliseconds(500));
/// A search that goes through a long history asks many times.
const MESSAGE_SEARCHES_BY_USER: Quota = Quota::new(60, TimeDelta::milliseconds(250));
const ROOMS_BY_USER: Quota = Quota::new(100, TimeDelta::seconds(5));
const PICTURES_BY_USER: Quota = Quota::new(20, TimeDelta::seconds(30));
/// Told in every room.
const PRIVACY_BY_USER: Quota = Quota::new(20, TimeDelta::seconds(10));
/// Reads a whole history.
const EXPORTS_BY_USER: Quota = Quota::new(3, TimeDelta::minutes(20));
/// As many as come with ten messages; all files together are bounded by what they take up.
const FILES_BY_USER: Quota = Quota::new(100, TimeDelta::seconds(2));
const TYPING_BY_USER_AND_ROOM: Quota = Quota::new(1, TimeDelta::seconds(2));
/// Far above what anybody types, and above what an outbox of a long day offline holds.
const MESSAGES_BY_USER: Quota = Quota::new(1_000, TimeDelta::milliseconds(50));

/// The limits that success lifts.
const GUESSES: &str = "sign_in_guesses";
const APP_CODES: &str = "app_codes";

/// The quotas of every use case that has one.
#[derive(Clone)]
pub struct Limits {
    /// Counts.
    pub limiter: Arc<dyn RateLimiter>,
    /// Counts the codes that are mailed, also where all else is unlimited.
    pub code_limiter: Arc<dyn RateLimiter>,
}

impl Limits {
    /// Somebody signs up.
    pub async fn sign_up(&self, from: IpAddr) -> Result<(), Throttled> {
        self.admit("sign_up", Network::of(from).to_string(), SIGN_UPS_BY_ADDRESS).await
    }

    /// A code is mailed. Bounds both the mail somebody is sent and the codes somebody can guess at.
    pub async fn code_mail(&self, to: &Email) -> Result<(), Throttled> {
        let key = LimitKey { name: "code_mail", subject: to.as_str().to_owned() };
        self.code_limiter.admit(key, CODE_MAILS_BY_RECIPIENT).await
    }

    /// A link for a new password is mailed. Counted apart from codes: those are refused aloud, which
    /// would tell who has an account, if links had used them up.
    pub async fn reset_mail(&self, to: &Email) -> Result<(), Throttled> {
        let key = LimitKey { name: "reset_mail", subject: to.as_str().to_owned() };
        self.code_limiter.admit(key, CODE_MAILS_BY_RECIPIENT).await
    }

    /// A code is tried.
    pub async fn code_try(&self, from: IpAddr) -> Result<(), Throttled> {
        self.admit("code_try", Network::of(from).to_string(), CODE_TRIES_BY_ADDRESS).await
    }

    /// A code of somebody's authenticator app is tried, by whoever has their password. Counted also
    /// where all else is unlimited.
    pub async fn second_factor(&self, user: UserId) -> Result<(), Throttled> {
        let key = LimitKey { name: APP_CODES, subject: user.to_string() };
        self.code_limiter.admit(key, APP_CODES_BY_USER).await
    }

    /// An owner is told by mail that somebody may have their password.
    pub async fn warning(&self, user: UserId) -> Result<(), Throttled> {
        let key = LimitKey { name: "second_factor_warning", subject: user.to_string() };
        self.code_limiter.admit(key, WARNINGS_BY_USER).await
    }

    /// Somebody got in by their second factor: what was tried before is forgotten.
    pub async fn forget_second_factor(&self, user: UserId) {
        let key = LimitKey { name: APP_CODES, subject: user.to_string() };
        self.code_limiter.forget(key).await;
    }

    /// Somebody forgot their password. What one address is mailed is bounded by
    /// [`Limits::reset_mail`].
    pub async fn forgot_password(&self, from: IpAddr) -> Result<(), Throttled> {
        self.admit("forgot", Network::of(from).to_string(), FORGOTTEN_BY_ADDRESS).await
    }

    /// Somebody leaves for the provider that signs them in.
    pub async fn leave_for_provider(&self, from: IpAddr) -> Result<(), Throttled> {
        self.admit("leave", Network::of(from).to_string(), DEPARTURES_BY_ADDRESS).await
    }

    /// Somebody comes back from there.
    pub async fn return_from_provider(&self, from: IpAddr) -> Result<(), Throttled> {
        self.admit("return", Network::of(from).to_string(), DEPARTURES_BY_ADDRESS).await
    }

    /// Somebody who is signed in types their password once more. Who has no session can't use this
    /// up.
    pub async fn confirm(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("confirm", user.to_string(), CONFIRMATIONS_BY_USER).await
    }

    /// Somebody signs in. Counted by the name from that network, so that nobody can lock another
    /// person out from elsewhere.
    pub async fn sign_in(&self, from: &Network, name: &str) -> Result<(), Throttled> {
        // The network first: what it refuses leaves no trace of the many names it may carry.
        self.admit("sign_in", from.to_string(), SIGN_INS_BY_ADDRESS).await?;
        self.admit("sign_in_name", format!("{name} {from}"), SIGN_INS_BY_NAME_AND_ADDRESS).await
    }

    /// Somebody signs in with a device that the account knows. Nobody else can use this up, from
    /// wherever they try.
    pub async fn sign_in_with_device(&self, device: &TokenDigest) -> Result<(), Throttled> {
        self.admit("sign_in_device", subject_of(device), SIGN_INS_BY_DEVICE).await
    }

    /// A stranger to an account tries a password. Counted by the name alone, whether or not anybody
    /// has it, over all networks together, until somebody gets in.
    pub async fn guess(&self, name: &str) -> Result<(), Throttled> {
        self.admit(GUESSES, name.to_owned(), GUESSES_BY_NAME).await
    }

    /// Somebody got in: what strangers tried before is forgotten.
    pub async fn forget_guesses(&self, name: &str) {
        self.limiter.forget(LimitKey { name: GUESSES, subject: name.to_owned() }).await;
    }

    /// Somebody looks for people.
    pub async fn search(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("search", user.to_string(), SEARCHES_BY_USER).await
    }

    /// Somebody looks for words in their messages.
    pub async fn search_messages(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("search_messages", user.to_string(), MESSAGE_SEARCHES_BY_USER).await
    }

    /// Somebody sends an image, to be their picture.
    pub async fn picture(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("picture", user.to_string(), PICTURES_BY_USER).await
    }

    /// Somebody changes what others see of them.
    pub async fn privacy(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("privacy", user.to_string(), PRIVACY_BY_USER).await
    }

    /// Somebody takes away all that is stored about them.
    pub async fn export(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("export", user.to_string(), EXPORTS_BY_USER).await
    }

    /// Somebody brings a file.
    pub async fn bring(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("bring_file", user.to_string(), FILES_BY_USER).await
    }

    /// Somebody opens a room.
    pub async fn open_room(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("open_room", user.to_string(), ROOMS_BY_USER).await
    }

    /// Somebody sends a message.
    pub async fn send(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("send", user.to_string(), MESSAGES_BY_USER).await
    }

    /// Somebody changes a message, or reacts to it.
    pub async fn alter(&self, user: UserId) -> Result<(), Throttled> {
        self.admit("alter", user.to_string(), MESSAGES_BY_USER).await
    }

    /// Somebody is writing in a room: said often, told seldom.
    pub async fn typing(&self, user: UserId, room: RoomId) -> Result<(), Throttled> {
        self.admit("typing", format!("{user} {room}"), TYPING_BY_USER_AND_ROOM).await
    }

    async fn admit(
        &self,
        name: &'static str,
        subject: String,
        quota: Quota,
    ) -> Result<(), Throttled> {
        self.limiter.admit(LimitKey { name, subject }, quota).await
    }
}

fn subject_of(digest: &TokenDigest) -> String {
    let mut subject = String::with_capacity(2 * digest.0.len());
    for byte in digest.0 {
        let _ = write!(subject, "{byte:02x}");
    }
    subject
}
