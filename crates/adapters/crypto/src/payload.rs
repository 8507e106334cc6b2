//! Payloads: whatever leaves this process and is no message body.
use crate::{
    envelope::{self, Bindings},
    framing::framed,
    keyring::{KeyRing, RingKey},
};
use application::ports::{Entropy, EntropyExt, PayloadPurpose, PayloadSealer};
use domain::sealing::{SealedPayload, Unreadable};
use std::sync::Arc;

/// Seals as messages are sealed, under a key of its own for each purpose.
pub struct AesPayloadSealer {
    ring: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
}

impl AesPayloadSealer {
    /// Seals under the ring's first key and opens under any.
    pub fn new(ring: Arc<KeyRing>, entropy: Arc<dyn Entropy>) -> Self {
        Self { ring, entropy }
    }
}

impl PayloadSealer for AesPayloadSealer {
    fn seal(&self, purpose: PayloadPurpose, context: &[u8], payload: &[u8]) -> SealedPayload {
        let key = self.ring.newest();
        let iv = self.entropy.bytes();
        SealedPayload::new(envelope::seal(key, &bindings(key, purpose, context), &iv, payload))
    }

    fn open(
        &self,
        purpose: PayloadPurpose,
        context: &[u8],
        sealed: &SealedPayload,
    ) -> Result<Vec<u8>, Unreadable> {
        envelope::open(&self.ring, sealed.as_bytes(), |key| bindings(key, purpose, context))
    }
}

fn bindings(key: &RingKey, purpose: PayloadPurpose, context: &[u8]) -> Bindings {
    let label = label(purpose);
    Bindings {
        key_bytes: key.derive(&[label]),
        associated_data: framed([label, key.id_bytes(), context]),
    }
}

fn label(purpose: PayloadPurpose) -> &'static [u8] {
    match purpose {
        PayloadPurpose::Event => b"sotto/v1/payload/event",
        PayloadPurpose::Mail => b"sotto/v1/payload/mail",
        PayloadPurpose::Session => b"sotto/v1/payload/session",
        PayloadPurpose::TotpSecret => b"sotto/v1/payload/totp-secret",
        PayloadPurpose::TotpSetUp => b"sotto/v1/payload/totp-set-up",
        PayloadPurpose::Ceremony => b"sotto/v1/payload/ceremony",
        PayloadPurpose::ExternalSignIn => b"sotto/v1/payload/external_sign_in",
        PayloadPurpose::FileDetails => b"sotto/v1/payload/file-details",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use PayloadPurpose::{Event, Mail};

    fn sealer() -> AesPayloadSealer {
        let (ring, _) = KeyRing::generate(&OsEntropy);
        AesPayloadSealer::new(Arc::new(ring), Arc::new(OsEntropy))
    }

    #[test]
    fn a_payload_opens_for_its_purpose_and_context_alone() {
        let sealer = sealer();
        let envelope = sealer.seal(Mail, b"mail 1", b"the code is 123456");
        assert_eq!(sealer.open(Mail, b"mail 1", &envelope), Ok(b"the code is 123456".to_vec()));
        assert_eq!(sealer.open(Mail, b"mail 2", &envelope), Err(Unreadable));
        assert_eq!(sealer.open(Event, b"mail 1", &envelope), Err(Unreadable));
        assert_eq!(self::sealer().open(Mail, b"mail 1", &envelope), Err(Unreadable));
    }

    #[test]
    fn nothing_of_the_payload_shows_and_no_altered_byte_passes() {
        let sealer = sealer();
        let envelope = sealer.seal(Event, b"", b"canary canary canary");
        assert!(!envelope.as_bytes().windows(6).any(|window| window == b"canary"));
        for at in 0..envelope.as_bytes().len() {
            let mut bytes = envelope.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert_eq!(sealer.open(Event, b"", &SealedPayload::new(bytes)), Err(Unreadable));
        }
    }
}
