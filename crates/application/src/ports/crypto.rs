use async_trait::async_trait;
use domain::{
    message::MessageBody,
    password::{Password, PasswordHash},
    sealing::{KeyedDigest, SealedBody, SealedPayload, SealedPlace, Unreadable},
};

/// Seals message bodies, and opens them again.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait MessageSealer: Send + Sync {
    /// Encrypts and authenticates a body under the newest key, bound to its place. Sealing the
    /// same body twice gives unrelated results.
    fn seal(&self, place: &SealedPlace, body: &MessageBody) -> SealedBody;

    /// Opens what was sealed for this very place under any key of the ring. Everything else is
    /// [`Unreadable`], whatever is wrong with it; never another text.
    fn open(&self, place: &SealedPlace, sealed: &SealedBody) -> Result<MessageBody, Unreadable>;
}

/// What a payload is sealed for. What was sealed for one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadPurpose {
    /// An event on its way to another instance.
    Event,
    /// A mail on its way out.
    Mail,
    /// A session that is kept at hand outside the store.
    Session,
    /// What an authenticator app and we share.
    TotpSecret,
    /// The same while the app is being set up, in the hands of whoever does it.
    TotpSetUp,
    /// What has to be known when something begun in a browser ends.
    Ceremony,
    /// What is remembered of somebody on their way to a provider and back.
    ExternalSignIn,
    /// What is told of a file: its name, what it is.
    FileDetails,
}

/// Seals anything but message bodies that leaves this process.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait PayloadSealer: Send + Sync {
    /// Encrypts and authenticates bytes under the newest key, bound to a purpose and a context.
    fn seal(&self, purpose: PayloadPurpose, context: &[u8], payload: &[u8]) -> SealedPayload;

    /// Opens what was sealed for this very purpose and context under any key of the ring.
    fn open(
        &self,
        purpose: PayloadPurpose,
        context: &[u8],
        sealed: &SealedPayload,
    ) -> Result<Vec<u8>, Unreadable>;
}

/// What a keyed digest is made for. Digests of one purpose say nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// One-time codes.
    OtpCode,
    /// What was first sent under a client id.
    MessageFingerprint,
    /// Whom a rate limit is counted for.
    LimitSubject,
    /// Codes for those who lost their second factor.
    RecoveryCode,
}

/// Makes digests that only the holder of the keys can make.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Digester: Send + Sync {
    /// Digests the parts, each kept apart from the next, under the newest key.
    fn digest(&self, purpose: Purpose, parts: &[Vec<u8>]) -> KeyedDigest;

    /// Whether a digest, made under any key of the ring, is of these parts. Takes the same time
    /// whatever differs.
    fn matches(&self, purpose: Purpose, parts: &[Vec<u8>], digest: &KeyedDigest) -> bool;
}

/// As many passwords are being hashed, and waiting to be, as memory and cores allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once; try again in a moment")]
pub struct HashingBusy;

/// Hashes passwords slowly, off the async threads, so many at once and no more.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes under the current parameters and a fresh salt.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashingBusy>;

    /// Whether the password is the one hashed. Without a hash to compare with (nobody has that
    /// name) the answer is no, and takes just as long.
    async fn verify(
        &self,
        password: &Password,
        hash: Option<PasswordHash>,
    ) -> Result<bool, HashingBusy>;
}
