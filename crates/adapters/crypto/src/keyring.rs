//! The keys everything sealed depends on: read once at start, kept only as what they derive.
use crate::framing::framed;
use application::ports::{Entropy, EntropyExt, KeyFingerprint};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use domain::sealing::KeyId;
use hkdf::Hkdf;
use sha2::Sha512;
use std::collections::HashSet;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
/// Labels of derived keys; no label is the beginning of another.
const FINGERPRINT: &[u8] = b"sotto/v1/fingerprint";

/// Named keys of 32 bytes. The first seals; all of them open, so that a new key can be put in front
/// while what older ones sealed stays readable.
///
/// Has no `Debug`, gives no key away, and wipes its memory when dropped.
pub struct KeyRing(Vec<RingKey>);

/// One key, as the root from which the keys for each use are derived.
pub struct RingKey {
    id: KeyId,
    /// Boxed, so that moving the ring about leaves no copies of it.
    root: Box<Hkdf<Sha512>>,
}

/// Why a text is not a key ring. Repeats nothing of the text but key ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyRing {
    /// Nothing there.
    #[error("there is no sealing key; give at least one as id:base64")]
    Empty,
    /// No colon, or an id that is none.
    #[error(
        "sealing key number {position} does not begin with an id (1 to 32 letters, digits, _ or -) \
         and a colon"
    )]
    Malformed {
        /// Its place in the list, counted from 1.
        position: usize,
    },
    /// Not standard base64.
    #[error("sealing key {} is not standard base64", .id.as_str())]
    NotBase64 {
        /// Whose.
        id: KeyId,
    },
    /// Not 32 bytes.
    #[error("sealing key {} has {bytes} bytes instead of 32", .id.as_str())]
    WrongLength {
        /// Whose.
        id: KeyId,
        /// How many it has.
        bytes: usize,
    },
    /// Something people write, not something a random source gives.
    #[error("sealing key {} is not random; make one with `openssl rand -base64 32`", .id.as_str())]
    NotRandom {
        /// Whose.
        id: KeyId,
    },
    /// Two keys of one name.
    #[error("there are two sealing keys with the id {}", .id.as_str())]
    Duplicate {
        /// Which name.
        id: KeyId,
    },
}

impl KeyRing {
    /// Reads `id:base64` pairs separated by commas; white space around them does not count.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyRing> {
        if text.trim().is_empty() {
            return Err(InvalidKeyRing::Empty);
        }
        let mut keys: Vec<RingKey> = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let key = RingKey::parse(entry.trim(), index + 1)?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(InvalidKeyRing::Duplicate { id: key.id });
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// A ring of one new key, and the line from which [`KeyRing::parse`] reads it again.
    pub fn generate(entropy: &dyn Entropy) -> (Self, Zeroizing<String>) {
        let id = fresh_id(entropy);
        let secret = Zeroizing::new(entropy.bytes::<KEY_BYTES>());
        // All of its capacity at once: a string that grows leaves its old bytes behind.
        let mut line = Zeroizing::new(String::with_capacity(128));
        line.push_str(id.as_str());
        line.push(':');
        BASE64.encode_string(*secret, &mut line);
        (Self(vec![RingKey::new(id, secret.as_slice())]), line)
    }

    /// What tells the keys from others, for the store to remember.
    pub fn fingerprints(&self) -> Vec<KeyFingerprint> {
        let fingerprint = |key: &RingKey| KeyFingerprint {
            id: key.id.clone(),
            digest: *key.derive(&[FINGERPRINT]),
        };
        self.0.iter().map(fingerprint).collect()
    }

    /// The key that seals.
    pub(crate) fn newest(&self) -> &RingKey {
        self.0.first().expect("a ring has at least one key")
    }

    /// Reads a key id from the front, as [`RingKey::push_id`] wrote it; `None` if there is none, or
    /// no such key in the ring.
    pub(crate) fn split_key<'a>(&self, bytes: &'a [u8]) -> Option<(&RingKey, &'a [u8])> {
        let (&length, rest) = bytes.split_first()?;
        let (id, rest) = rest.split_at_checked(length.into())?;
        let key = self.0.iter().find(|key| key.id_bytes() == id)?;
        Some((key, rest))
    }
}

impl RingKey {
    fn new(id: KeyId, secret: &[u8]) -> Self {
        Self { id, root: Box::new(Hkdf::new(None, secret)) }
    }

    fn parse(entry: &str, position: usize) -> Result<Self, InvalidKeyRing> {
        let malformed = InvalidKeyRing::Malformed { position };
        let (id, base64) = entry.split_once(':').ok_or(malformed.clone())?;
        let id = KeyId::parse(id).ok_or(malformed)?;
        let Ok(secret) = BASE64.decode(base64).map(Zeroizing::new) else {
            return Err(InvalidKeyRing::NotBase64 { id });
        };
        if secret.len() != KEY_BYTES {
            return Err(InvalidKeyRing::WrongLength { id, bytes: secret.len() });
        }
        if !looks_random(&secret) {
            return Err(InvalidKeyRing::NotRandom { id });
        }
        Ok(Self::new(id, &secret))
    }

    pub(crate) fn id_bytes(&self) -> &[u8] {
        self.id.as_str().as_bytes()
    }

    /// Writes the id behind its length.
    pub(crate) fn push_id(&self, bytes: &mut Vec<u8>) {
        let length = u8::try_from(self.id_bytes().len()).expect("a key id has at most 32 bytes");
        bytes.push(length);
        bytes.extend_from_slice(self.id_bytes());
    }

    /// The key for one use: HKDF-Expand (RFC 5869 §2.3) under the use's label, which is the given
    /// parts one after another.
    pub(crate) fn derive<const N: usize>(&self, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 255 * 64, "HKDF gives at most 255 blocks") };
        let mut key = Zeroizing::new([0; N]);
        self.root.expand_multi_info(info, key.as_mut()).expect("the length was just checked");
        key
    }

    /// The key for one use in one place: the label, then the framed place.
    pub(crate) fn derive_for<const N: usize>(
        &self,
        label: &[u8],
        place: &[u8],
    ) -> Zeroizing<[u8; N]> {
        self.derive(&[label, &framed([place])])
    }
}

/// An id that tells keys made one after another apart.
fn fresh_id(entropy: &dyn Entropy) -> KeyId {
    let id = format!("k{:08x}", u32::from_be_bytes(entropy.bytes()));
    KeyId::parse(&id).expect("a letter and eight hexadecimal digits are a key id")
}

/// Refuses what people write in place of a random key: text, repeated patterns, counting up or down.
/// Of 32 random bytes it refuses fewer than one in 10¹³.
fn looks_random(secret: &[u8]) -> bool {
    const FEW: usize = 16;
    let is_text = |&byte: &u8| {
        byte == 0 || byte == b' ' || byte.is_ascii_graphic() || byte.is_ascii_whitespace()
    };
    let values: HashSet<u8> = secret.iter().copied().collect();
    let steps: HashSet<u8> = secret.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    values.len() > FEW && steps.len() > FEW && !secret.iter().all(is_text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    fn entry(id: &str, secret: &[u8]) -> String {
        format!("{id}:{}", BASE64.encode(secret))
    }

    fn random() -> [u8; KEY_BYTES] {
        OsEntropy.bytes()
    }

    fn refusal(text: &str) -> InvalidKeyRing {
        KeyRing::parse(text).err().expect("refused")
    }

    fn id(text: &str) -> KeyId {
        KeyId::parse(text).expect("valid")
    }

    #[test]
    fn a_ring_is_read_in_its_order() {
        let text = format!(" {}, {}\n", entry("new", &random()), entry("old", &random()));
        let ring = KeyRing::parse(&text).expect("valid");
        let ids: Vec<KeyId> = ring.fingerprints().into_iter().map(|print| print.id).collect();
        assert_eq!(ids, [id("new"), id("old")]);
        assert_eq!(ring.newest().id, id("new"));
    }

    #[test]
    fn a_generated_ring_reads_back_from_its_line() {
        let (ring, line) = KeyRing::generate(&OsEntropy);
        let again = KeyRing::parse(&line).expect("valid");
        assert_eq!(again.fingerprints(), ring.fingerprints());
        let (other, _) = KeyRing::generate(&OsEntropy);
        assert_ne!(other.fingerprints(), ring.fingerprints());
    }

    #[test]
    fn a_broken_ring_is_refused_with_its_reason() {
        assert_eq!(refusal(" \n"), InvalidKeyRing::Empty);
        assert_eq!(refusal(&BASE64.encode(random())), InvalidKeyRing::Malformed { position: 1 });
        let good = entry("a", &random());
        assert_eq!(refusal(&format!("{good},")), InvalidKeyRing::Malformed { position: 2 });
        assert_eq!(
            refusal(&entry("two words", &random())),
            InvalidKeyRing::Malformed { position: 1 }
        );
        assert_eq!(refusal("a:???"), InvalidKeyRing::NotBase64 { id: id("a") });
        assert_eq!(refusal("a:"), InvalidKeyRing::WrongLength { id: id("a"), bytes: 0 });
        let short = InvalidKeyRing::WrongLength { id: id("a"), bytes: 31 };
        assert_eq!(refusal(&entry("a", &random()[1..])), short);
        let twice = format!("{good},{}", entry("a", &random()));
        assert_eq!(refusal(&twice), InvalidKeyRing::Duplicate { id: id("a") });
    }

    #[test]
    fn no_refusal_repeats_what_may_be_a_key() {
        let secret = BASE64.encode(random());
        for text in [secret.clone(), format!("{secret}:a"), format!("a:{secret}x")] {
            assert!(!refusal(&text).to_string().contains(&secret[..8]), "{text}");
        }
    }

    #[test]
    fn keys_that_nobody_drew_at_random_are_refused() {
        let counting: Vec<u8> = (0..32).collect();
        let downward: Vec<u8> = (0..32).map(|i: u8| 250 - 3 * i).collect();
        let half_twice = random()[..16].repeat(2);
        let mut padded = [0; 32];
        padded[..20].copy_from_slice(b"my quick fox jumps 9");
        let weak: [&[u8]; 8] = [
            &[0; 32],
            &[0xff; 32],
            b"changeme-changeme-changeme-chang",
            b"Correct horse, battery & staple\n",
            &padded,
            &counting,
            &downward,
            &half_twice,
        ];
        for secret in weak {
            let refused = InvalidKeyRing::NotRandom { id: id("a") };
            assert_eq!(refusal(&entry("a", secret)), refused, "{secret:?}");
        }
    }

    #[test]
    fn random_keys_are_never_taken_for_weak() {
        assert!((0..100_000).all(|_| looks_random(&random())));
    }

    #[test]
    fn keys_are_derived_as_rfc_5869_says() {
        use hmac::{Hmac, KeyInit, Mac};
        let mac = |key: &[u8], data: &[u8]| {
            let mac = Hmac::<Sha512>::new_from_slice(key).expect("any length");
            mac.chain_update(data).finalize().into_bytes()
        };
        let secret = random();
        let extracted = mac(&[0; 64], &secret);
        let expanded = mac(&extracted, b"label\x01");
        let key = RingKey::new(id("a"), &secret).derive::<64>(&[b"la", b"bel"]);
        assert_eq!(key.as_slice(), expanded.as_slice());
    }
}
