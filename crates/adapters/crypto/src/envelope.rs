//! What everything sealed looks like: version (1 byte) ‖ length of the key id (1) ‖ key id ‖ IV (16)
//! ‖ ciphertext ‖ tag (32), by AES-256-CBC and HMAC-SHA-512 (RFC 7518 §5.2).
use crate::{
    a256cbc_hs512::{self, IV_BYTES, KEY_BYTES, TAG_BYTES},
    keyring::{KeyRing, RingKey},
};
use domain::sealing::Unreadable;
use zeroize::Zeroizing;

const VERSION: u8 = 1;

/// What ties an envelope to its use and its place.
pub struct Bindings {
    /// The key of that use and place, derived from the ring's.
    pub key_bytes: Zeroizing<[u8; KEY_BYTES]>,
    /// What is authenticated beside the content.
    pub associated_data: Vec<u8>,
}

/// Encrypts and authenticates under a key of the ring. No IV is used twice.
pub fn seal(key: &RingKey, to: &Bindings, iv: &[u8; IV_BYTES], plaintext: &[u8]) -> Vec<u8> {
    let (ciphertext, tag) =
        a256cbc_hs512::encrypt(&to.key_bytes, iv, &to.associated_data, plaintext);
    let around = 2 + key.id_bytes().len() + IV_BYTES + TAG_BYTES;
    let mut bytes = Vec::with_capacity(around + ciphertext.len());
    bytes.push(VERSION);
    key.push_id(&mut bytes);
    bytes.extend_from_slice(iv);
    bytes.extend_from_slice(&ciphertext);
    bytes.extend_from_slice(&tag);
    bytes
}

/// Opens what was sealed under any key of the ring, bound as `to` says for that key.
pub fn open(
    ring: &KeyRing,
    bytes: &[u8],
    to: impl FnOnce(&RingKey) -> Bindings,
) -> Result<Vec<u8>, Unreadable> {
    let (key, iv, ciphertext, tag) = split(ring, bytes).ok_or(Unreadable)?;
    let Bindings { key_bytes, associated_data } = to(key);
    a256cbc_hs512::decrypt(&key_bytes, iv, &associated_data, ciphertext, tag)
}

type Parts<'a> = (&'a RingKey, &'a [u8; IV_BYTES], &'a [u8], &'a [u8; TAG_BYTES]);

fn split<'a>(ring: &'a KeyRing, bytes: &'a [u8]) -> Option<Parts<'a>> {
    let rest = bytes.strip_prefix(&[VERSION])?;
    let (key, rest) = ring.split_key(rest)?;
    let (iv, rest) = rest.split_first_chunk()?;
    let (ciphertext, tag) = rest.split_last_chunk()?;
    Some((key, iv, ciphertext, tag))
}
