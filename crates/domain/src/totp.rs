//! Codes of authenticator apps: time-based one-time passwords (RFC 6238), as every app makes them:
//! SHA-1, six digits, half a minute.
use crate::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

/// How long a code is shown, in seconds.
const PERIOD: i64 = 30;
/// How many half minutes a clock may be off, either way.
const DRIFT: u64 = 1;
/// RFC 4648, section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What an app and we share: 160 random bits. No `Debug`.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; 20]>);

/// A half minute, counted since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotpStep(pub u64);

impl TotpStep {
    /// The half minute of a moment.
    pub fn at(moment: Timestamp) -> Self {
        Self(u64::try_from(moment.timestamp() / PERIOD).unwrap_or_default())
    }
}

impl TotpSecret {
    /// Makes a secret of 20 random bytes.
    pub fn mint(random: [u8; 20]) -> Self {
        Self(Zeroizing::new(random))
    }

    /// Back from the bytes that were sealed.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// For the sealer alone.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The text to type into an app: 32 letters and digits.
    pub fn reveal(&self) -> String {
        let mut text = String::with_capacity(32);
        for five in self.0.chunks(5) {
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                let letter = usize::try_from(bits >> (5 * place) & 31).unwrap_or_default();
                text.push(char::from(BASE32[letter]));
            }
        }
        text
    }

    /// What an app reads from a QR code. A username has no character that means anything there.
    pub fn uri(&self, username: &str) -> String {
        let secret = self.reveal();
        format!("otpauth://totp/Sotto:{username}?secret={secret}&issuer=Sotto")
    }

    /// The six digits of a half minute.
    pub fn code(&self, step: TotpStep) -> String {
        let digest = hmac(self.as_bytes(), &step.0.to_be_bytes());
        // RFC 4226, section 5.3.
        let offset = usize::from(digest[19] & 15);
        let number = digest[offset..offset + 4].iter().fold(0, |n: u32, b| n << 8 | u32::from(*b));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }

    /// The half minute that digits are the code of: the one of this moment, or one beside it. All
    /// three are compared, each to its end.
    pub fn find_step(&self, digits: &str, now: Timestamp) -> Option<TotpStep> {
        let TotpStep(now) = TotpStep::at(now);
        let mut found = None;
        for step in (now.saturating_sub(DRIFT)..=now + DRIFT).map(TotpStep) {
            if equal(self.code(step).as_bytes(), digits.as_bytes()) {
                found = Some(step);
            }
        }
        found
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 20] {
    let mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(data).finalize().into_bytes().into()
}

fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimeDelta;

    fn secret() -> TotpSecret {
        TotpSecret::mint(*b"12345678901234567890")
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let moment = Timestamp::from_timestamp(seconds, 0).expect("a moment");
            assert_eq!(secret().code(TotpStep::at(moment)), code, "{seconds}");
        }
    }

    #[test]
    fn a_secret_is_written_in_base32() {
        assert_eq!(secret().reveal(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            secret().uri("ann"),
            "otpauth://totp/Sotto:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sotto"
        );
        assert!(TotpSecret::from_bytes(secret().as_bytes()).is_some());
        assert!(TotpSecret::from_bytes(&[0; 19]).is_none());
    }

    #[test]
    fn a_code_counts_half_a_minute_longer_and_sooner() {
        let now = Timestamp::from_timestamp(3_000, 0).expect("a moment");
        let code = secret().code(TotpStep(100));
        for (seconds, found) in [(-31, false), (-30, true), (0, true), (59, true), (60, false)] {
            let step = secret().find_step(&code, now + TimeDelta::seconds(seconds));
            assert_eq!(step, found.then_some(TotpStep(100)), "{seconds}");
        }
        for digits in ["", "12345", "1234567", "abcdef"] {
            assert_eq!(secret().find_step(digits, now), None, "{digits}");
        }
    }
}
