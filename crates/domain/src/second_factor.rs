//! What an account asks for beside the first factor, if its owner wants it so: an app on their
//! phone or a passkey, and recovery codes for the day on which that is lost.
use crate::{
    TimeDelta, Timestamp,
    id::UserId,
    sealing::{KeyedDigest, SealedPayload},
    totp::TotpStep,
};
use zeroize::Zeroizing;

/// No letters that read like digits or like one another (Crockford's alphabet).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 50 random bits.
const LENGTH: usize = 10;

/// What somebody's account asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whose.
    pub user: UserId,
    /// Since when.
    pub since: Timestamp,
    /// The app that makes codes; without one, a passkey is asked for.
    pub app: Option<AuthenticatorApp>,
    /// Of the codes that were not used yet.
    pub recovery_codes: Vec<KeyedDigest>,
}

/// An app that makes codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticatorApp {
    /// Its [`TotpSecret`](crate::totp::TotpSecret).
    pub secret: SealedPayload,
    /// The latest half minute whose code was used; no code counts twice.
    pub last_step: TotpStep,
}

/// A kind of second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// A code of an authenticator app.
    App,
    /// A passkey.
    Passkey,
    /// One of the recovery codes.
    RecoveryCode,
}

impl FactorKind {
    /// What the API calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

impl SecondFactor {
    /// How many recovery codes there are at first.
    pub const RECOVERY_CODES: usize = 10;
    /// How long setting up an app may take.
    pub const SETTING_UP: TimeDelta = TimeDelta::minutes(15);

    /// What its owner can show, who may have passkeys.
    pub fn kinds(&self, has_passkeys: bool) -> Vec<FactorKind> {
        [
            (FactorKind::App, self.app.is_some()),
            (FactorKind::Passkey, has_passkeys),
            (FactorKind::RecoveryCode, !self.recovery_codes.is_empty()),
        ]
        .into_iter()
        .filter_map(|(kind, is_there)| is_there.then_some(kind))
        .collect()
    }
}

/// Gets its owner in once, when the app is lost. No `Debug`.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// Makes a code of random bits.
    pub fn mint(random: [u8; LENGTH]) -> Self {
        let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte & 31)]);
        Self(Zeroizing::new(random.iter().map(letter).collect()))
    }

    /// The text, for the digester alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As people are shown it: in two halves.
    pub fn show(&self) -> String {
        let (one, other) = self.0.split_at(LENGTH / 2);
        format!("{one}-{other}")
    }
}

/// What somebody typed for their second factor. No `Debug`.
#[derive(Clone)]
pub enum TypedCode {
    /// Six digits.
    App(Zeroizing<String>),
    /// Ten letters and digits.
    Recovery(RecoveryCode),
    /// Nothing that was ever a code.
    Neither,
}

impl TypedCode {
    /// Reads a code. Spaces and dashes do not count, nor does case; letters that read like digits
    /// are those.
    pub fn parse(raw: &str) -> Self {
        let shown = raw.chars().filter(|c| !c.is_whitespace() && *c != '-').take(LENGTH + 1);
        let text: Zeroizing<String> = Zeroizing::new(shown.collect());
        if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::App(text);
        }
        let read = |c: char| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            c => c,
        };
        let text: Zeroizing<String> = Zeroizing::new(text.chars().map(read).collect());
        if text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Self::Recovery(RecoveryCode(text));
        }
        Self::Neither
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovery(raw: &str) -> Option<String> {
        match TypedCode::parse(raw) {
            TypedCode::Recovery(code) => Some(code.reveal().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_recovery_code_reads_back_however_it_is_typed() {
        let code = RecoveryCode::mint([0, 1, 2, 10, 17, 31, 32, 255, 19, 18]);
        assert_eq!(code.show(), "012ah-z0zkj");
        for raw in ["012ah-z0zkj", "O l2AH Z0ZKJ", "oi2ahz0zkj", " 012ah-z0z-kj\n"] {
            assert_eq!(recovery(raw).as_deref(), Some("012ahz0zkj"), "{raw}");
        }
    }

    #[test]
    fn six_digits_are_a_code_of_an_app() {
        for raw in ["123456", "123 456", " 123-456 "] {
            assert!(matches!(TypedCode::parse(raw), TypedCode::App(d) if *d == "123456"), "{raw}");
        }
    }

    #[test]
    fn whatever_else_is_no_code() {
        for raw in
            ["", "12345", "1234567", "abcde-fghi", "abcde-fghjkm", "ühqzt-abcde", "u1234-56789"]
        {
            assert!(matches!(TypedCode::parse(raw), TypedCode::Neither), "{raw}");
        }
        assert!(matches!(TypedCode::parse(&"1".repeat(100_000)), TypedCode::Neither));
    }
}
