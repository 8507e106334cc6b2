//! Somebody's phone, with an authenticator app.
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::time::{SystemTime, UNIX_EPOCH};

/// An app that knows one secret.
pub struct Phone(Vec<u8>);

impl Phone {
    /// With a secret as it is typed in.
    pub fn knowing(base32: &str) -> Self {
        let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
        for letter in base32.bytes() {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
            let value = alphabet.iter().position(|known| *known == letter).expect("base32");
            bits = bits << 5 | u32::try_from(value).expect("small");
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
            }
        }
        Self(bytes)
    }

    /// What it shows, some half minutes from now.
    #[expect(clippy::disallowed_methods, reason = "a phone has a clock of its own")]
    pub fn code(&self, from_now: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let step = i64::try_from(now / 30).expect("soon") + from_now;
        let mac = Hmac::<Sha1>::new_from_slice(&self.0).expect("any length");
        let digest = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
        let at = usize::from(digest[19] & 15);
        let number = u32::from_be_bytes(digest[at..at + 4].try_into().expect("four"));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }
}
