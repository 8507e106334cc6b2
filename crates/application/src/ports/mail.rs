use super::Unavailable;
use async_trait::async_trait;
use domain::{Timestamp, email::Email, otp::OtpCode, username::Username};

/// What we tell people by mail; the words belong to the adapter.
#[derive(Clone)]
pub enum Mail {
    /// Somebody signs up with this address; the code proves it is theirs.
    ConfirmAddress {
        /// The digits.
        code: OtpCode,
    },
    /// The account is open.
    Welcome {
        /// Its name.
        username: Username,
    },
    /// Somebody tried to sign up with the address of an account.
    AlreadyRegistered {
        /// That account's name.
        username: Username,
    },
}

/// Sends mail.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Accepts a mail for sending, quickly: never waits for a mail server.
    async fn send(&self, to: &Email, mail: Mail) -> Result<(), Unavailable>;
}

/// A mail as the development mailbox shows it.
#[derive(Clone)]
pub struct SentMail {
    /// To whom.
    pub to: Email,
    /// Its subject.
    pub subject: String,
    /// Its plain-text part.
    pub text: String,
    /// Its HTML part.
    pub html: String,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// Where mail lands on a machine without a mail server: in memory, for the developer to read.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait DevelopmentMailbox: Send + Sync {
    /// The latest mails, newest first.
    fn list_mails(&self) -> Vec<SentMail>;
}
