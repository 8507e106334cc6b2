//! Keyed digests of things so short that anybody could try them all.
//!
//! A digest is length of the key id (1 byte) ‖ key id ‖ HMAC-SHA-256 (32) over the framed parts.
use crate::{
    framing::each_framed,
    keyring::{KeyRing, RingKey},
};
use application::ports::{Digester, Purpose};
use domain::sealing::KeyedDigest;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::Arc;

/// Digests with HMAC-SHA-256 (RFC 2104) under a key of its own for each purpose.
pub struct HmacDigester {
    ring: Arc<KeyRing>,
}

impl HmacDigester {
    /// Digests under the ring's first key and recognises digests under any.
    pub fn new(ring: Arc<KeyRing>) -> Self {
        Self { ring }
    }
}

impl Digester for HmacDigester {
    fn digest(&self, purpose: Purpose, parts: &[Vec<u8>]) -> KeyedDigest {
        let key = self.ring.newest();
        let mut bytes = Vec::with_capacity(1 + key.id_bytes().len() + 32);
        key.push_id(&mut bytes);
        bytes.extend_from_slice(&mac(key, purpose, parts).finalize().into_bytes());
        KeyedDigest::new(bytes)
    }

    fn matches(&self, purpose: Purpose, parts: &[Vec<u8>], digest: &KeyedDigest) -> bool {
        // Which key it was is no secret; only what follows is compared in constant time.
        let Some((key, digest)) = self.ring.split_key(digest.as_bytes()) else {
            return false;
        };
        mac(key, purpose, parts).verify_slice(digest).is_ok()
    }
}

fn mac(key: &RingKey, purpose: Purpose, parts: &[Vec<u8>]) -> Hmac<Sha256> {
    let key = key.derive::<32>(&[label(purpose)]);
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes keys of any length");
    each_framed(parts.iter().map(Vec::as_slice), |bytes| mac.update(bytes));
    mac
}

fn label(purpose: Purpose) -> &'static [u8] {
    match purpose {
        Purpose::OtpCode => b"sotto/v1/digest/otp-code",
        Purpose::MessageFingerprint => b"sotto/v1/digest/message-fingerprint",
        Purpose::LimitSubject => b"sotto/v1/digest/limit-subject",
        Purpose::RecoveryCode => b"sotto/v1/digest/recovery-code",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use Purpose::{MessageFingerprint, OtpCode};

    fn ring_line() -> String {
        KeyRing::generate(&OsEntropy).1.to_string()
    }

    fn digester(line: &str) -> HmacDigester {
        HmacDigester::new(Arc::new(KeyRing::parse(line).expect("generated")))
    }

    fn parts<const N: usize>(parts: [&str; N]) -> Vec<Vec<u8>> {
        parts.map(|part| part.as_bytes().to_vec()).to_vec()
    }

    #[test]
    fn a_digest_matches_what_it_was_made_of_and_nothing_else() {
        let digester = digester(&ring_line());
        let digest = digester.digest(OtpCode, &parts(["ab", "123456"]));
        assert!(digester.matches(OtpCode, &parts(["ab", "123456"]), &digest));
        assert!(!digester.matches(OtpCode, &parts(["ab", "123457"]), &digest));
        assert!(!digester.matches(OtpCode, &parts(["ab1", "23456"]), &digest));
        assert!(!digester.matches(OtpCode, &parts(["ab123456"]), &digest));
        assert!(!digester.matches(OtpCode, &[], &digest));
    }

    #[test]
    fn a_digest_says_nothing_for_another_purpose() {
        let digester = digester(&ring_line());
        let digest = digester.digest(OtpCode, &parts(["123456"]));
        assert!(!digester.matches(MessageFingerprint, &parts(["123456"]), &digest));
    }

    #[test]
    fn a_digest_of_an_older_key_still_matches_and_one_of_a_foreign_key_does_not() {
        let (old, new) = (ring_line(), ring_line());
        let code = parts(["123456"]);
        let digest = digester(&old).digest(OtpCode, &code);
        assert!(digester(&format!("{new},{old}")).matches(OtpCode, &code, &digest));
        assert!(!digester(&new).matches(OtpCode, &code, &digest));
    }

    #[test]
    fn no_altered_or_cut_digest_matches() {
        let digester = digester(&ring_line());
        let code = parts(["123456"]);
        let digest = digester.digest(OtpCode, &code);
        for at in 0..digest.as_bytes().len() {
            let mut altered = digest.as_bytes().to_vec();
            altered[at] ^= 1;
            assert!(!digester.matches(OtpCode, &code, &KeyedDigest::new(altered)), "byte {at}");
            let cut = digest.as_bytes()[..at].to_vec();
            assert!(!digester.matches(OtpCode, &code, &KeyedDigest::new(cut)), "{at} bytes");
        }
    }
}
