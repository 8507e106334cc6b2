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
    }
}
