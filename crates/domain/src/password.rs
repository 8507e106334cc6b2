//! Passwords, and which ones are good enough.
use crate::{email::Email, username::Username};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// How many characters are judged for strength.
const JUDGED: usize = 24;

/// A password in clear. Has no `Debug`, and is wiped from memory when dropped.
///
/// Compared in Unicode NFC, so that the same password typed on another keyboard is the same.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a password can't be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Under 8 characters.
    #[error("a password has at least {} characters", Password::MIN)]
    TooShort,
    /// Over 128 characters.
    #[error("a password has at most {} characters", Password::MAX)]
    TooLong,
    /// It is, or mostly is, the username or address.
    #[error("this password is too much like the username or email address")]
    LikeTheUser,
    /// Among the first that anybody would try.
    #[error("this password is too easy to guess")]
    TooCommon,
}

impl Password {
    /// Fewest characters.
    pub const MIN: usize = 8;
    /// Most characters.
    pub const MAX: usize = 128;

    /// A password as somebody typed it to sign in; `None` if it is longer than any password is.
    pub fn typed(raw: &str) -> Option<Self> {
        // Cut off by bytes first, so that nobody makes us normalise a megabyte.
        if raw.len() > 4 * Self::MAX {
            return None;
        }
        let password = Self(Zeroizing::new(raw.nfc().collect()));
        (password.0.chars().count() <= Self::MAX).then_some(password)
    }

    /// A password somebody chooses: 8 to 128 characters of any kind that zxcvbn, knowing the
    /// person's name and address, takes for worth a million guesses or more (2 of 4 points; with
    /// 3 no password of eight characters would pass, however random).
    pub fn choose(raw: &str, username: &Username, email: &Email) -> Result<Self, WeakPassword> {
        let password = Self::typed(raw).ok_or(WeakPassword::TooLong)?;
        if password.0.chars().count() < Self::MIN {
            return Err(WeakPassword::TooShort);
        }
        let about = [username.as_str(), email.local_part(), email.as_str()];
        let lower = password.0.to_lowercase();
        if about.iter().any(|word| lower == word.to_lowercase()) {
            return Err(WeakPassword::LikeTheUser);
        }
        if strong(&password.0, &["sotto", about[0], about[1], about[2]]) {
            return Ok(password);
        }
        let strong_for_others = strong(&password.0, &[]);
        Err(if strong_for_others { WeakPassword::LikeTheUser } else { WeakPassword::TooCommon })
    }

    /// The text, for the hasher alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Whether it takes a million guesses or more, by somebody who knows these words. The beginning is
/// judged, since the rest can only make it harder to guess: on long texts made to look like many
/// words at once, zxcvbn would take the better part of a second.
fn strong(password: &str, known: &[&str]) -> bool {
    let beginning: Zeroizing<String> = Zeroizing::new(password.chars().take(JUDGED).collect());
    zxcvbn::zxcvbn(&beginning, known).score() >= zxcvbn::Score::Two
}

/// A password as stored: an argon2id string (PHC format). Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps what the hasher made or a store kept.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(raw: &str) -> Result<(), WeakPassword> {
        let username = Username::parse("ann.baker").expect("valid");
        let email = Email::parse("ann.the.baker@example.com").expect("valid");
        Password::choose(raw, &username, &email).map(drop)
    }

    #[test]
    fn long_phrases_in_any_script_are_fine() {
        for raw in [
            "correct horse battery staple",
            "x7#kQ2pL",
            "  lead and trail  ",
            "пароль из четырёх слов",
        ] {
            assert_eq!(choose(raw), Ok(()), "{raw}");
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(choose("k7#Qp2x"), Err(WeakPassword::TooShort));
        assert_eq!(choose(&"wörtlich ".repeat(14)), Ok(()));
        assert_eq!(choose(&"k7#Qp2xL".repeat(17)), Err(WeakPassword::TooLong));
        assert_eq!(choose(&"x".repeat(1 << 20)), Err(WeakPassword::TooLong));
    }

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for raw in ["password", "12345678", "qwertyuiop", "Passw0rd", "iloveyou1", "aaaaaaaa"] {
            assert_eq!(choose(raw), Err(WeakPassword::TooCommon), "{raw}");
        }
    }

    #[test]
    fn the_own_name_is_refused() {
        for raw in ["Ann.Baker", "ann.the.baker", "ann.the.baker@example.com"] {
            assert_eq!(choose(raw), Err(WeakPassword::LikeTheUser), "{raw}");
        }
    }

    #[test]
    fn one_password_typed_in_two_normal_forms_is_one() {
        let composed = Password::typed("caf\u{e9} au lait").expect("short");
        let decomposed = Password::typed("cafe\u{301} au lait").expect("short");
        assert_eq!(composed.reveal(), decomposed.reveal());
    }
}
