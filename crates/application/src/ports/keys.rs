use super::Unavailable;
use async_trait::async_trait;
use domain::sealing::KeyId;

/// Tells one key from another without giving it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFingerprint {
    /// The key's id.
    pub id: KeyId,
    /// A one-way digest of the key.
    pub digest: [u8; 32],
}

/// Which sealing keys this store has been used with.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait KeyFingerprintRepository: Send + Sync {
    /// All that were ever inserted.
    async fn list_fingerprints(&self) -> Result<Vec<KeyFingerprint>, Unavailable>;

    /// Notes a key; one whose id is there already is left as it was.
    async fn insert(&self, fingerprint: &KeyFingerprint) -> Result<(), Unavailable>;
}
