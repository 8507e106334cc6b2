use super::Unavailable;
use async_trait::async_trait;
use domain::{
    Timestamp, email::Email, id::RegistrationId, otp::Otp, registration::Registration,
    token::TokenDigest, username::Username,
};

/// Sign-ups waiting for their address to be proved. Several may wait for one address or name: none
/// holds it against another.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RegistrationRepository: Send + Sync {
    /// Adds a sign-up; an earlier one of the same flow (the same browser) is replaced.
    async fn insert(&self, registration: &Registration) -> Result<(), Unavailable>;

    /// Replaces the username, the names and the password of the sign-up with this id; its code and
    /// the tries counted stay as they are at that moment. Does nothing if it is gone.
    async fn amend(&self, registration: &Registration) -> Result<(), Unavailable>;

    /// The sign-up of a browser.
    async fn find_by_flow(&self, flow: &TokenDigest) -> Result<Option<Registration>, Unavailable>;

    /// The sign-up with this address that was begun last.
    async fn find_newest_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<Registration>, Unavailable>;

    /// The sign-up with this username (compared by key) that was begun last.
    async fn find_newest_by_username(
        &self,
        username: &Username,
    ) -> Result<Option<Registration>, Unavailable>;

    /// Counts one try of the code and returns the sign-up as counted, atomically: no two callers
    /// see the same count.
    async fn begin_attempt(&self, flow: &TokenDigest) -> Result<Option<Registration>, Unavailable>;

    /// Replaces the code, if the one there was sent at `sent_before`; otherwise somebody else was
    /// quicker, and the answer is `false`.
    async fn replace_otp(
        &self,
        id: RegistrationId,
        sent_before: Timestamp,
        otp: &Otp,
    ) -> Result<bool, Unavailable>;

    /// Hands the sign-up over to another browser: it is found under this flow alone.
    async fn move_flow(&self, id: RegistrationId, flow: &TokenDigest) -> Result<(), Unavailable>;

    /// Forgets every sign-up with this address.
    async fn remove_by_email(&self, email: &Email) -> Result<(), Unavailable>;

    /// Forgets those begun before a moment.
    async fn remove_begun_before(&self, moment: Timestamp) -> Result<(), Unavailable>;
}
