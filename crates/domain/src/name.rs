//! First and last names, as people write them.

/// A first or last name: at most 64 characters in any script, possibly empty, without control
/// characters, line breaks or marks that reorder the text around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonName(String);

/// Why a text can't be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Over 64 characters.
    #[error("a name has at most {} characters", PersonName::MAX)]
    TooLong,
    /// A control character, or one that reorders text.
    #[error("a name has no control characters")]
    Character,
}

impl PersonName {
    /// Most characters.
    pub const MAX: usize = 64;

    /// Reads a name as somebody typed it; white space around it is cut.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        let name = raw.trim();
        if name.chars().any(|c| c.is_control() || reorders(c)) {
            return Err(InvalidName::Character);
        }
        if name.chars().count() > Self::MAX {
            return Err(InvalidName::TooLong);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Line and paragraph separators and the bidirectional controls (UAX #9).
fn reorders(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_script_will_do() {
        for name in ["", "Zoë", "李", "O’Neill-Smith", "محمد"] {
            assert_eq!(PersonName::parse(name).map(|n| n.0), Ok(name.to_owned()));
        }
    }

    #[test]
    fn tricks_are_refused() {
        for name in ["a\nb", "a\u{202e}b", "a\0", "a\u{2028}b"] {
            assert_eq!(PersonName::parse(name), Err(InvalidName::Character), "{name:?}");
        }
        assert_eq!(PersonName::parse(&"x".repeat(65)), Err(InvalidName::TooLong));
    }
}
