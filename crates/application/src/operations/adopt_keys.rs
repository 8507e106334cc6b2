//! Starting with other keys than before would make the whole history unreadable, so it is refused.
use crate::ports::{KeyFingerprint, KeyFingerprintRepository, Unavailable};
use domain::sealing::KeyId;
use std::sync::Arc;

/// Checks the ring against the keys the store was used with, and notes the new ones.
pub struct AdoptKeys {
    /// Which keys the store knows.
    pub known: Arc<dyn KeyFingerprintRepository>,
}

/// Why this ring can't be used with this store.
#[derive(Debug, thiserror::Error)]
pub enum AdoptKeysError {
    /// A key the store was used with is absent.
    #[error(
        "the store was used with sealing key {0}, which is not among the keys given; add it back behind the others"
    )]
    Missing(KeyId),
    /// A key has the id of another.
    #[error(
        "sealing key {0} is not the key the store was used with under this id; give back the old key, or give the new one another id"
    )]
    Changed(KeyId),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl AdoptKeys {
    /// Accepts the ring or says which key is wrong.
    pub async fn execute(&self, ring: &[KeyFingerprint]) -> Result<(), AdoptKeysError> {
        for key in self.check(ring).await? {
            self.known.insert(key).await?;
        }
        Ok(())
    }

    /// The same without noting anything; returns the keys that are new to the store.
    pub async fn check<'a>(
        &self,
        ring: &'a [KeyFingerprint],
    ) -> Result<Vec<&'a KeyFingerprint>, AdoptKeysError> {
        let known = self.known.list_fingerprints().await?;
        for old in &known {
            match ring.iter().find(|key| key.id == old.id) {
                None => return Err(AdoptKeysError::Missing(old.id.clone())),
                Some(key) if key.digest != old.digest => {
                    return Err(AdoptKeysError::Changed(old.id.clone()));
                }
                Some(_) => {}
            }
        }
        Ok(ring.iter().filter(|key| !known.contains(key)).collect())
    }
}
