//! Profile pictures.

/// Names one stored picture. Random, so that nobody finds a picture they were not shown; a new
/// picture has a new name, so that browsers may keep each for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PictureId([u8; 16]);

impl PictureId {
    /// A name of 128 random bits.
    pub fn mint(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The 16 bytes a store keeps.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Back from what a store kept.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Back from its 32 hexadecimal digits, in the one way they are written.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |text: &str| u128::from_str_radix(text, 16).ok();
        let id = Self(digits(text)?.to_be_bytes());
        (id.to_string() == text).then_some(id)
    }
}

impl std::fmt::Display for PictureId {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_32_hexadecimal_digits() {
        let id = PictureId::mint([0xa7; 16]);
        assert_eq!(id.to_string(), "a7".repeat(16));
        assert_eq!(PictureId::from_bytes(*id.as_bytes()), id);
        assert_eq!(PictureId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn nothing_else_is_a_name() {
        let digits = "a7".repeat(16);
        for other in ["", "a7", "../../etc/passwd", &digits.to_uppercase(), &digits[1..]] {
            assert_eq!(PictureId::parse(other), None, "{other}");
        }
        assert_eq!(PictureId::parse(&format!("+{}", &digits[1..])), None);
        assert_eq!(PictureId::parse(&format!("{digits}0")), None);
    }
}
