//! `A256CBC-HS512`, authenticated encryption as RFC 7518 §5.2 composes it: AES-256-CBC with PKCS #7
//! padding, then HMAC-SHA-512 over everything, cut to 32 bytes.
use aes::{
    Aes256,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7},
};
use domain::sealing::Unreadable;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

pub const KEY_BYTES: usize = 64;
pub const IV_BYTES: usize = 16;
pub const TAG_BYTES: usize = 32;

/// Encrypts under a key and an IV that must be fresh and unpredictable, and binds `aad` in.
/// Gives the ciphertext and its tag.
pub fn encrypt(
    key: &[u8; KEY_BYTES],
    iv: &[u8; IV_BYTES],
    aad: &[u8],
    plaintext: &[u8],
) -> (Vec<u8>, [u8; TAG_BYTES]) {
    let (mac_key, enc_key) = halves(key);
    let cipher = cbc::Encryptor::<Aes256>::new(enc_key.into(), iv.into());
    let ciphertext = cipher.encrypt_padded_vec::<Pkcs7>(plaintext);
    let full = authenticator(mac_key, iv, aad, &ciphertext).finalize().into_bytes();
    let tag = full.first_chunk().expect("SHA-512 gives 64 bytes");
    (ciphertext, *tag)
}

/// Checks the tag, in constant time and before it touches the ciphertext, then decrypts.
pub fn decrypt(
    key: &[u8; KEY_BYTES],
    iv: &[u8; IV_BYTES],
    aad: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG_BYTES],
) -> Result<Vec<u8>, Unreadable> {
    let (mac_key, enc_key) = halves(key);
    authenticator(mac_key, iv, aad, ciphertext)
        .verify_truncated_left(tag)
        .map_err(|_| Unreadable)?;
    let cipher = cbc::Decryptor::<Aes256>::new(enc_key.into(), iv.into());
    cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).map_err(|_| Unreadable)
}

/// `MAC_KEY` and `ENC_KEY`.
fn halves(key: &[u8; KEY_BYTES]) -> (&[u8; 32], &[u8; 32]) {
    let mac_key = key.first_chunk().expect("a key has 64 bytes");
    let enc_key = key.last_chunk().expect("a key has 64 bytes");
    (mac_key, enc_key)
}

/// HMAC over AAD ‖ IV ‖ E ‖ AL, where AL is the length of AAD in bits.
fn authenticator(
    mac_key: &[u8; 32],
    iv: &[u8; IV_BYTES],
    aad: &[u8],
    ciphertext: &[u8],
) -> Hmac<Sha512> {
    let aad_bits = aad.len() as u64 * 8;
    Hmac::<Sha512>::new_from_slice(mac_key)
        .expect("HMAC takes keys of any length")
        .chain_update(aad)
        .chain_update(iv)
        .chain_update(ciphertext)
        .chain_update(aad_bits.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7518 appendix B.3.
    mod b3 {
        pub const PLAINTEXT: &[u8] = b"A cipher system must not be required to be secret, and it \
            must be able to fall into the hands of the enemy without inconvenience";
        pub const IV: [u8; 16] = 0x1af3_8c2d_c2b9_6ffd_d866_9409_2341_bc04_u128.to_be_bytes();
        pub const AAD: &[u8] = b"The second principle of Auguste Kerckhoffs";
        pub const CIPHERTEXT: &str = "\
            4affaaadb78c31c5da4b1b590d10ffbd3dd8d5d302423526912da037ecbcc7bd\
            822c301dd67c373bccb584ad3e9279c2e6d12a1374b77f077553df829410446b\
            36ebd97066296ae6427ea75c2e0846a11a09ccf5370dc80bfecbad28c73f09b3\
            a3b75e662a2594410ae496b2e2e6609e31e6e02cc837f053d21f37ff4f51950b\
            be2638d09dd7a4930930806d0703b1f6";
        pub const TAG: &str = "4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5";

        pub fn key() -> [u8; 64] {
            std::array::from_fn(|i| u8::try_from(i).expect("below 64"))
        }
    }

    fn unhex(digits: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    #[test]
    fn it_is_what_rfc_7518_appendix_b3_shows() {
        let (ciphertext, tag) = encrypt(&b3::key(), &b3::IV, b3::AAD, b3::PLAINTEXT);
        assert_eq!(ciphertext, unhex(b3::CIPHERTEXT));
        assert_eq!(tag, *unhex(b3::TAG));
        let opened = decrypt(&b3::key(), &b3::IV, b3::AAD, &ciphertext, &tag);
        assert_eq!(opened.as_deref(), Ok(b3::PLAINTEXT));
    }

    /// Every copy of `bytes` in which one bit is the other way.
    fn with_one_bit_flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        (0..bytes.len() * 8).map(|bit| {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        })
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let key = b3::key();
        let (ciphertext, tag) = encrypt(&key, &b3::IV, b3::AAD, b3::PLAINTEXT);
        let refuses = |iv: &[u8], aad: &[u8], ciphertext: &[u8], tag: &[u8]| {
            let (iv, tag) = (iv.try_into().expect("16"), tag.try_into().expect("32"));
            assert_eq!(decrypt(&key, iv, aad, ciphertext, tag), Err(Unreadable));
        };
        with_one_bit_flipped(&b3::IV).for_each(|iv| refuses(&iv, b3::AAD, &ciphertext, &tag));
        with_one_bit_flipped(b3::AAD).for_each(|aad| refuses(&b3::IV, &aad, &ciphertext, &tag));
        with_one_bit_flipped(&ciphertext)
            .for_each(|flipped| refuses(&b3::IV, b3::AAD, &flipped, &tag));
        with_one_bit_flipped(&tag).for_each(|tag| refuses(&b3::IV, b3::AAD, &ciphertext, &tag));
    }

    #[test]
    fn bytes_that_move_between_the_fields_are_refused() {
        let (key, (ciphertext, tag)) = (b3::key(), encrypt(&b3::key(), &b3::IV, b"", b"text"));
        let joined = [&b3::IV[..], &ciphertext].concat();
        let (aad, rest) = joined.split_at(16);
        let (iv, rest) = rest.split_first_chunk().expect("16");
        assert_eq!(decrypt(&key, iv, aad, rest, &tag), Err(Unreadable));
    }

    #[test]
    fn an_authentic_body_with_bad_padding_is_refused_alike() {
        let (key, ciphertext) = (b3::key(), [7; 16]);
        let full = authenticator(halves(&key).0, &b3::IV, b"", &ciphertext).finalize().into_bytes();
        let tag = full.first_chunk().expect("64");
        assert_eq!(decrypt(&key, &b3::IV, b"", &ciphertext, tag), Err(Unreadable));
    }
}
