use super::Unavailable;
use async_trait::async_trait;
use domain::{
    Timestamp, device::Device, email::Email, otp::OtpCode, outbox::MailId, token::ResetToken,
    username::Username,
};

/// What we tell people by mail; the words belong to the adapter.
#[derive(Clone)]
pub enum Mail {
    /// Somebody signs up with this address; the code proves it is theirs.
    ConfirmAddress {
        /// The digits.
        code: OtpCode,
    },
    /// Somebody who is signed in has to confirm what they asked for; the code does it.
    ConfirmAction {
        /// The digits.
        code: OtpCode,
    },
    /// Somebody wants to move their account to this address; the code proves it is theirs.
    ConfirmNewAddress {
        /// The digits.
        code: OtpCode,
    },
    /// Somebody came by Google with the address of an account; the code proves that it is theirs.
    ConfirmLink {
        /// The digits.
        code: OtpCode,
    },
    /// The account can be signed in to with Google, or no longer.
    GoogleChanged {
        /// The account's name.
        username: Username,
        /// Whether it can.
        linked: bool,
    },
    /// Somebody forgot the password of an account.
    ResetPassword {
        /// The account's name.
        username: Username,
        /// Lets its reader choose a new one.
        token: ResetToken,
    },
    /// The account has a new password.
    PasswordChanged {
        /// The account's name.
        username: Username,
    },
    /// The account has left this address for another.
    EmailChanged {
        /// The account's name.
        username: Username,
    },
    /// The account was deleted.
    AccountDeleted {
        /// The name it had.
        username: Username,
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
    /// Somebody signed in with a browser that the account did not know.
    NewSignIn {
        /// The account's name.
        username: Username,
        /// What they signed in with, and where.
        device: Device,
        /// When.
        at: Timestamp,
    },
    /// All that is stored about somebody was asked for.
    DataExported {
        /// The account's name.
        username: Username,
        /// With what it was asked for, and where.
        device: Device,
        /// When.
        at: Timestamp,
    },
    /// What the account asks for beside the password has changed, or was used in an unusual way.
    SecondFactor {
        /// The account's name.
        username: Username,
        /// What happened.
        news: SecondFactorNews,
    },
}

/// What somebody is told of their second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorNews {
    /// An authenticator app is asked for from now on.
    AppSetUp,
    /// A passkey is asked for from now on.
    PasskeyRequired,
    /// Nothing is asked for any more.
    TurnedOff,
    /// There is a new passkey.
    PasskeyAdded,
    /// A passkey is gone.
    PasskeyRemoved,
    /// There are new recovery codes; the ones before are void.
    NewRecoveryCodes,
    /// Somebody typed the password right and no second factor.
    Refused,
    /// Somebody signed in with a recovery code.
    RecoveryCodeUsed {
        /// How many remain.
        left: usize,
    },
}

/// Sends mail.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Accepts a mail for sending, quickly: never waits for a mail server.
    async fn send(&self, to: &Email, mail: Mail) -> Result<(), Unavailable>;
}

/// A mail in words, as it goes out.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// To whom.
    pub to: Email,
    /// Its subject: one line of our own words.
    pub subject: String,
    /// Its plain-text part.
    pub text: String,
    /// Its HTML part.
    pub html: String,
    /// When it is no longer of use: its code has expired.
    pub expires_at: Option<Timestamp>,
}

/// Why a mail was not delivered, in words that hold neither an address nor anything of the mail,
/// with the mail server's reply code where it gave one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Another try may go well.
    #[error("{reason}")]
    Temporary {
        /// What went wrong, and what to do about it.
        reason: String,
        /// RFC 5321, section 4.2.
        code: Option<u16>,
    },
    /// The mail server will never take this mail.
    #[error("{reason}")]
    Permanent {
        /// What it refused.
        reason: String,
        /// RFC 5321, section 4.2.
        code: Option<u16>,
    },
}

/// Hands mail to a mail server.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait MailTransport: Send + Sync {
    /// Returns once the mail server has taken the mail, or did not; within half a minute. The mail
    /// bears its id and the moment at which it was accepted for sending, so that whoever gets it
    /// twice can tell.
    async fn deliver(
        &self,
        id: MailId,
        accepted_at: Timestamp,
        mail: &RenderedMail,
    ) -> Result<(), DeliveryError>;
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
