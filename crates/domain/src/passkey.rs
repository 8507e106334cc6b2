//! Passkeys: keys that a device keeps for somebody and uses once it has recognised them.
use crate::{
    Timestamp,
    id::{PasskeyId, UserId},
};

/// What its owner calls a passkey, to tell it from others: 1 to 50 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyName(String);

/// Why a text is no name for a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPasskeyName {
    /// Empty, or too long.
    #[error("a name has 1 to 50 characters")]
    Length,
    /// One that nobody can see.
    #[error("a name has no control characters")]
    Character,
}

impl PasskeyName {
    /// Reads a name; white space around it does not count.
    pub fn parse(raw: &str) -> Result<Self, InvalidPasskeyName> {
        let name = raw.trim();
        if !(1..=50).contains(&name.chars().count()) {
            return Err(InvalidPasskeyName::Length);
        }
        if name.chars().any(char::is_control) {
            return Err(InvalidPasskeyName::Character);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What we know of somebody's passkey. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Names it.
    pub id: PasskeyId,
    /// Whose it is.
    pub user: UserId,
    /// What its device calls it; no two share one.
    pub credential_id: Vec<u8>,
    /// Its public key, its counter and its flags, as the verifier writes them.
    pub credential: Vec<u8>,
    /// What its owner calls it.
    pub name: PasskeyName,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_used_at: Option<Timestamp>,
}

impl Passkey {
    /// Most that a person has.
    pub const MOST: usize = 20;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_can_be_seen() {
        assert_eq!(PasskeyName::parse(" My phone ").map(|n| n.0), Ok("My phone".to_owned()));
        assert!(PasskeyName::parse(&"é".repeat(50)).is_ok());
        for (raw, error) in [
            ("", InvalidPasskeyName::Length),
            ("  ", InvalidPasskeyName::Length),
            (&"x".repeat(51), InvalidPasskeyName::Length),
            ("a\u{7}b", InvalidPasskeyName::Character),
        ] {
            assert_eq!(PasskeyName::parse(raw), Err(error), "{raw}");
        }
    }
}
