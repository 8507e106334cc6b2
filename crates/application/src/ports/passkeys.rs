use super::Unavailable;
use async_trait::async_trait;
use domain::{
    Timestamp,
    id::{PasskeyId, UserId},
    passkey::Passkey,
    user::User,
};

/// Every passkey there is.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PasskeyRepository: Send + Sync {
    /// Adds a passkey, unless one with its credential id is there: then the answer is `false`. Of
    /// two at once, exactly one is refused.
    async fn insert(&self, passkey: &Passkey) -> Result<bool, Unavailable>;

    /// Those of a person, in the order in which they were made.
    async fn list_by_user(&self, user: UserId) -> Result<Vec<Passkey>, Unavailable>;

    /// Notes that a passkey was used, and what the verifier wrote of it. Never brings back one that
    /// was removed.
    async fn note_use(
        &self,
        user: UserId,
        id: PasskeyId,
        credential: &[u8],
        used_at: Timestamp,
    ) -> Result<(), Unavailable>;

    /// Forgets one of a person's. `false` if they have no such passkey.
    async fn remove(&self, user: UserId, id: PasskeyId) -> Result<bool, Unavailable>;

    /// Forgets all of a person's.
    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable>;
}

/// A ceremony with a device, begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunCeremony {
    /// For the browser: the options of `navigator.credentials`, as JSON.
    pub options: String,
    /// What has to be known when it ends. Whoever can change it could end it without the device.
    pub state: Vec<u8>,
}

/// A passkey that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredential {
    /// What its device calls it.
    pub id: Vec<u8>,
    /// What is to be kept of it.
    pub credential: Vec<u8>,
}

/// A device's answer does not do, whatever is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the passkey's answer is not right")]
pub struct PasskeyRefused;

/// Speaks `WebAuthn` (W3C, level 3) with people's devices, for the public URL. An answer counts only
/// from that origin, for the challenge of its ceremony, and once the device has recognised its owner
/// (user verification): so a passkey is worth two factors.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait PasskeyVerifier: Send + Sync {
    /// Begins to make a passkey that a device can offer by itself; none that is known already.
    fn begin_registration(
        &self,
        user: &User,
        known: &[Passkey],
    ) -> Result<BegunCeremony, PasskeyRefused>;

    /// Ends it by the device's answer (JSON).
    fn finish_registration(
        &self,
        state: &[u8],
        answer: &str,
    ) -> Result<NewCredential, PasskeyRefused>;

    /// Begins to sign in with one of these or, where none are given, with whichever the device
    /// offers.
    fn begin_sign_in(&self, known: &[Passkey]) -> Result<BegunCeremony, PasskeyRefused>;

    /// Whom the device's answer claims to be. Nothing is verified yet.
    fn find_claimed(&self, answer: &str) -> Option<UserId>;

    /// Ends it by the device's answer (JSON), which must be of one of these passkeys; gives that
    /// one as it is to be kept from now on. One whose counter went back is refused: it was copied.
    fn finish_sign_in(
        &self,
        state: &[u8],
        answer: &str,
        known: &[Passkey],
    ) -> Result<Passkey, PasskeyRefused>;
}
