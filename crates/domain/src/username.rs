//! Usernames: the public name by which people find one another.

/// A public name: 2 to 32 ASCII letters, digits, `_`, `.` and `-`, beginning and ending with a
/// letter or digit and without two marks in a row. Shown as typed, compared without case.
#[derive(Clone, Debug)]
pub struct Username(String);

/// Why a text can't be a username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsername {
    /// Shorter than 2 or longer than 32 characters.
    #[error("a username has {} to {} characters", Username::MIN, Username::MAX)]
    Length,
    /// A character outside of the set; Unicode look-alikes end here.
    #[error("a username has only the letters a to z, digits, and _ . -")]
    Character,
    /// A mark at an end, or two in a row.
    #[error("a username begins and ends with a letter or digit and has no two marks in a row")]
    Marks,
}

/// Names that would pass for the operator's.
const RESERVED: [&str; 12] = [
    "admin",
    "administrator",
    "deleted",
    "everyone",
    "help",
    "me",
    "moderator",
    "root",
    "security",
    "sotto",
    "support",
    "system",
];

impl Username {
    /// Fewest characters.
    pub const MIN: usize = 2;
    /// Most characters.
    pub const MAX: usize = 32;

    /// Reads a username as somebody typed it; white space around it is cut.
    pub fn parse(raw: &str) -> Result<Self, InvalidUsername> {
        let name = raw.trim();
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || is_mark(c)) {
            return Err(InvalidUsername::Character);
        }
        if !(Self::MIN..=Self::MAX).contains(&name.len()) {
            return Err(InvalidUsername::Length);
        }
        if name.split(is_mark).any(str::is_empty) {
            return Err(InvalidUsername::Marks);
        }
        Ok(Self(name.to_owned()))
    }

    /// As its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What look-ups go by: the name in lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// What uniqueness goes by: two names that a reader could take for one another (`Bill` and
    /// `BiII`, `nora` and `n0ra`) have the same skeleton. After Unicode UTS #39, within ASCII.
    pub fn skeleton(&self) -> String {
        let fold = |c: char| match c {
            '0' => 'o',
            '1' | 'i' => 'l',
            other => other,
        };
        self.key().chars().map(fold).collect()
    }

    /// Whether the public sign-up keeps this name back.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.key().as_str())
    }
}

impl PartialEq for Username {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Username {}

fn is_mark(c: char) -> bool {
    matches!(c, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_kept_but_does_not_count() {
        let ann = Username::parse(" Ann.B ").expect("valid");
        assert_eq!(ann.as_str(), "Ann.B");
        assert_eq!(ann, Username::parse("ann.b").expect("valid"));
    }

    #[test]
    fn foreign_look_alikes_are_refused() {
        for name in ["аnn", "ann\u{200b}", "ａnn", "ann!", "a b", "ann\u{202e}"] {
            assert_eq!(Username::parse(name).err(), Some(InvalidUsername::Character), "{name:?}");
        }
    }

    #[test]
    fn marks_stand_alone_and_inside() {
        for name in [".ann", "ann-", "a__b", "a.-b", "--"] {
            assert_eq!(Username::parse(name).err(), Some(InvalidUsername::Marks), "{name}");
        }
    }

    #[test]
    fn length_has_bounds() {
        assert_eq!(Username::parse("a").err(), Some(InvalidUsername::Length));
        assert!(Username::parse(&"a".repeat(32)).is_ok());
        assert_eq!(Username::parse(&"a".repeat(33)).err(), Some(InvalidUsername::Length));
    }

    #[test]
    fn names_that_read_alike_share_a_skeleton() {
        let skeleton = |name| Username::parse(name).expect("valid").skeleton();
        assert_eq!(skeleton("Bill"), skeleton("BiII"));
        assert_eq!(skeleton("n0ra"), skeleton("Nora"));
        assert_ne!(skeleton("nora"), skeleton("nova"));
    }
}
